// Several trainers, or incarnations of them, side by side: which, on which values, and what differs between them.
import type { Points, Trainer } from "./protocol";
import { sessionId, type Session } from "./route";

export interface CompareItem extends Session {
  incarnation: string; // "": all of them, on their one line
}
export interface Compared {
  items: CompareItem[];
  values: string[]; // names of curves
  hidden: string[]; // ids of items that are not drawn
  group: string; // "run" or the name of a setting; "": each item has its own line
}
export const nothingCompared: Compared = { items: [], values: [], hidden: [], group: "" };

export const kMaxItems = 20;
const kMaxValues = 12;
// No name is of dots alone: in an address those mean another place.
const kItem = /^(?:(?!\.+:)([A-Za-z0-9._-]{1,64}):)?(?!\.+\/)([A-Za-z0-9._-]{1,64})\/(?!\.+(?:@|$))([A-Za-z0-9._-]{1,64})(?:@(\d{1,20}))?$/;

const siteOf = ({ base = "" }: Session): string => base.replace(/^at\/(.*)\/$/, "$1:");
export const itemId = (item: CompareItem): string => siteOf(item) + sessionId(item) + (item.incarnation && `@${item.incarnation}`);

// What makes no sense, comes twice or is too much is left out.
export function readCompared(params: URLSearchParams): Compared {
  const unique = (list: string[], limit: number) => [...new Set(list)].slice(0, limit);
  const items = unique(params.getAll("of").filter((text) => kItem.test(text)), kMaxItems).map((text): CompareItem => {
    const [, site, run = "", trainer = "", incarnation = ""] = kItem.exec(text)!;
    return { run, trainer, incarnation, ...(site && { base: `at/${site}/` }) };
  });
  return { items, values: unique(params.getAll("value"), kMaxValues), hidden: unique(params.getAll("hide"), kMaxItems), group: params.get("group") ?? "" };
}

export function writeCompared({ items, values, hidden, group }: Compared, params: URLSearchParams): void {
  for (const key of ["of", "value", "hide", "group"]) params.delete(key);
  for (const item of items) params.append("of", itemId(item));
  for (const value of values) params.append("value", value);
  for (const id of hidden) if (items.some((item) => itemId(item) === id)) params.append("hide", id);
  if (group) params.set("group", group);
}

export function compareHref(sessions: readonly Session[], group = ""): string {
  const params = new URLSearchParams();
  const items = sessions.slice(0, kMaxItems).map(({ run, trainer, base }): CompareItem => ({ run, trainer, incarnation: "", ...(base && { base }) }));
  writeCompared({ items, values: [], hidden: [], group }, params);
  return `#/compare?${params}`;
}

// The incarnations of one trainer over one another: the newest, as many as there is room for.
export function incarnationsHref(session: Session, incarnations: readonly bigint[]): string {
  const params = new URLSearchParams();
  const { run, trainer } = session;
  const items = incarnations.slice(-kMaxItems).reverse().map((incarnation): CompareItem => ({ run, trainer, incarnation: String(incarnation) }));
  writeCompared({ ...nothingCompared, items }, params);
  return `#/compare?${params}`;
}

// The first of these that somebody said; what a comparison begins with.
export const usualValues = ["batch_loss", "validation_loss", "validation_accuracy", "epoch_loss", "epoch_accuracy"];
export function firstValues(names: ReadonlySet<string>): string[] {
  const usual = usualValues.filter((name) => names.has(name)).slice(0, 3);
  return usual.length > 0 ? usual : [...names].sort().slice(0, 2);
}

// Of an error less is better, of a score more.
export const lowerIsBetter = (name: string): boolean => /loss|err|perplex|ppl|mse|mae|rmse|time|_ms\b|memory/i.test(name);

export interface BestAndLast {
  last: number;
  best: number | null; // null: none is finite
  bestAt: number;
}

export function bestAndLast({ x, y }: Points, lower: boolean): BestAndLast | null {
  if (y.length === 0) return null;
  let at = -1;
  y.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    if (at < 0 || (lower ? value < y[at]! : value > y[at]!)) at = i;
  });
  return { last: y.at(-1)!, best: at < 0 ? null : y[at]!, bestAt: at < 0 ? 0 : x[at]! };
}

export interface SettingRow {
  name: string;
  values: (string | null)[]; // by item; null: it has none
}

// What a trainer was started with, by name.
export function settingsOf({ model, dataset, total_epochs, batch_size, plan }: Trainer): Map<string, string> {
  const own: [string, string | undefined][] = [["model", model], ["dataset", dataset], ["epochs", total_epochs?.toString()], ["batch size", batch_size?.toString()]];
  const said = own.filter((pair): pair is [string, string] => Boolean(pair[1]));
  return new Map([...said, ...(plan?.parameters ?? [])]);
}

// Settings that are not the same everywhere. Where a run was started differs always and says little: it comes last.
export function differences(settings: readonly (ReadonlyMap<string, string> | null)[]): SettingRow[] {
  const names = [...new Set(settings.flatMap((one) => [...(one?.keys() ?? [])]))].sort();
  const rows = names.map((name) => ({ name, values: settings.map((one) => one?.get(name) ?? null) }));
  const differing = rows.filter(({ values }) => new Set(values).size > 1);
  const environment = (row: SettingRow) => Number(row.name.startsWith("env/"));
  return differing.sort((a, b) => environment(a) - environment(b));
}
