// What is typed to filter the list: words, all of which a trainer has, and conditions on any value or setting:
// "resnet loss<0.5 optimizer=adam".
import { columns, isExtra } from "./overview_columns";
import { diverged } from "./divergence";
import { sessionId } from "./route";
import type { Trainer } from "./protocol";

type Sign = "<" | "<=" | ">" | ">=" | "=" | "!=";
interface Condition {
  name: string; // of a column, else of a value or a parameter
  sign: Sign;
  wanted: string;
}
interface Filter {
  words: string[];
  conditions: Condition[];
}

const kCondition = /^([^<>=!\s]+)(<=|>=|!=|<|>|=)(\S+)$/;
const kMaxAsked = 8; // names that the server is asked for

function parseFilter(text: string): Filter {
  const filter: Filter = { words: [], conditions: [] };
  for (const part of text.split(/\s+/).filter(Boolean)) {
    const [, name, sign, wanted] = kCondition.exec(part) ?? [];
    if (name) filter.conditions.push({ name, sign: sign as Sign, wanted: wanted! });
    else filter.words.push(part.toLowerCase());
  }
  return filter;
}

const own: Record<string, (trainer: Trainer) => number | string | null> = {
  run: ({ run }) => run,
  trainer: ({ trainer }) => trainer,
  ...Object.fromEntries(columns.map(({ id, value }) => [id, value])),
};

// Columns that the server must be asked for, so that the conditions can be judged.
export function askedByFilter(text: string): string[] {
  const names = parseFilter(text).conditions.map(({ name }) => name).filter((name) => !(name in own));
  return [...new Set(names)].slice(0, kMaxAsked).flatMap((name) => [`value:${name}`, `parameter:${name}`]);
}

const valueOf = (trainer: Trainer, name: string): number | string | null =>
  own[name]?.(trainer) ?? trainer.columns[`value:${name}`] ?? trainer.columns[`parameter:${name}`] ?? null;

// What was not said meets no condition.
function meets(value: number | string | null, { sign, wanted }: Condition): boolean {
  if (value === null || value === "") return false;
  if (/^nan$/i.test(wanted)) return (sign === "=") === Number.isNaN(Number(value)) && (sign === "=" || sign === "!=");
  const [said, limit] = [Number(value), Number(wanted)];
  const numbers = !Number.isNaN(said) && !Number.isNaN(limit);
  switch (sign) {
    case "<":
      return numbers && said < limit;
    case "<=":
      return numbers && said <= limit;
    case ">":
      return numbers && said > limit;
    case ">=":
      return numbers && said >= limit;
    default: {
      const same = numbers ? said === limit : String(value).toLowerCase() === wanted.toLowerCase();
      return same === (sign === "=");
    }
  }
}

// `only`: states, "NaN" or "archived"; none: all but the archived.
export function filtered(trainers: Iterable<Trainer>, text: string, only: readonly string[]): Trainer[] {
  const { words, conditions } = parseFilter(text);
  return [...trainers].filter((trainer) => {
    if (trainer.archived !== only.includes("archived")) return false;
    if (!trainer.archived && only.length > 0 && !only.includes(trainer.state) && !(only.includes("NaN") && diverged(trainer) !== null)) return false;
    if (!conditions.every((condition) => meets(valueOf(trainer, condition.name), condition))) return false;
    const said = trainer.archived ? sessionId(trainer) : wordsOf(trainer);
    return words.every((word) => said.toLowerCase().includes(word));
  });
}

const wordsOf = (trainer: Trainer): string =>
  [trainer.site, sessionId(trainer), trainer.state, trainer.model, trainer.dataset, ...Object.entries(trainer.columns).flatMap(([id, value]) => (isExtra(id) && typeof value === "string" ? [value] : []))].join(" ");
