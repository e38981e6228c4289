// How the list of trainers is looked at: in the address. Views of it can be kept under a name.
import { columnOf, columns, isExtra, usualColumns, type Sorting } from "./overview_columns";
import { askedByFilter } from "./overview_filter";
import { usualGroups } from "./overview_groups";
import { trainerStates } from "./protocol";

export interface OverviewSettings {
  filter: string;
  only: string[]; // states, "NaN", "archived"; none: all but the archived
  sorting: Sorting;
  columns: string[]; // built-in ones in their order, then extra ones
  group: string; // "run" or a column; "": no groups
  folded: string[]; // names of groups whose trainers are not shown
}

const kKeys = ["q", "only", "sort", "cols", "col", "group", "fold"];
const kMaxExtra = 16;
const kMaxFolded = 100;
const same = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

export function readOverview(params: URLSearchParams): OverviewSettings {
  const sort = params.get("sort") ?? "";
  const by = sort.replace(/^-/, "");
  const chosen = params.get("cols")?.split(",") ?? usualColumns;
  const known = columns.map(({ id }) => id).filter((id) => chosen.includes(id) || id === "name");
  const extra = [...new Set(params.getAll("col").filter(isExtra))].slice(0, kMaxExtra);
  const group = params.get("group") ?? "";
  return {
    filter: params.get("q") ?? "",
    only: params.getAll("only").filter((state) => state === "NaN" || state === "archived" || (trainerStates as readonly string[]).includes(state)),
    sorting: columnOf(by) ? { by, down: sort.startsWith("-") } : { by: "", down: false },
    columns: [...known, ...extra],
    group: usualGroups.includes(group) || isExtra(group) ? group : "",
    folded: params.getAll("fold").slice(0, kMaxFolded),
  };
}

export function writeOverview({ filter, only, sorting, columns: chosen, group, folded }: OverviewSettings, params: URLSearchParams): void {
  for (const key of kKeys) params.delete(key);
  if (filter) params.set("q", filter);
  for (const state of only) params.append("only", state);
  if (sorting.by) params.set("sort", (sorting.down ? "-" : "") + sorting.by);
  const builtIn = chosen.filter((id) => !isExtra(id));
  if (!same(builtIn, usualColumns)) params.set("cols", builtIn.join(","));
  for (const id of chosen.filter(isExtra)) params.append("col", id);
  if (group) params.set("group", group);
  if (group) for (const name of folded) params.append("fold", name);
}

export const overviewText = (settings: OverviewSettings): string => {
  const params = new URLSearchParams();
  writeOverview(settings, params);
  return params.toString();
};

// What the server must be asked for beside what every list has.
export const extrasOf = ({ columns: chosen, group, filter }: OverviewSettings): string[] => [
  ...new Set([...chosen, group].filter(isExtra).concat(askedByFilter(filter))),
];

// Up, down, and by attention again.
export function nextSorting({ by, down }: Sorting, column: string): Sorting {
  if (by !== column) return { by: column, down: false };
  return down ? { by: "", down: false } : { by, down: true };
}

export interface SavedFilter {
  name: string;
  view: string; // as in the address
}

export function readSaved(stored: string): SavedFilter[] {
  try {
    const list: unknown = JSON.parse(stored);
    return Array.isArray(list) ? (list as SavedFilter[]).filter((one) => typeof one?.name === "string" && typeof one.view === "string") : [];
  } catch {
    return [];
  }
}

export const withSaved = (list: readonly SavedFilter[], added: SavedFilter): SavedFilter[] =>
  [...list.filter(({ name }) => name !== added.name), added].slice(-30);
