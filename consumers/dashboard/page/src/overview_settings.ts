// How the list of trainers is looked at: in the address. Views of it can be kept under a name.
import { columns, usualColumns, type Sorting } from "./overview_columns";
import { trainerStates } from "./protocol";

export interface OverviewSettings {
  filter: string;
  only: string[]; // states, "NaN", "archived"; none: all but the archived
  sorting: Sorting;
  columns: string[];
}

const kKeys = ["q", "only", "sort", "cols"];
const same = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

export function readOverview(params: URLSearchParams): OverviewSettings {
  const sort = params.get("sort") ?? "";
  const by = sort.replace(/^-/, "");
  const chosen = params.get("cols")?.split(",") ?? usualColumns;
  const known = columns.map(({ id }) => id).filter((id) => chosen.includes(id) || id === "name");
  return {
    filter: params.get("q") ?? "",
    only: params.getAll("only").filter((state) => state === "NaN" || state === "archived" || (trainerStates as readonly string[]).includes(state)),
    sorting: columns.some(({ id }) => id === by) ? { by, down: sort.startsWith("-") } : { by: "", down: false },
    columns: known,
  };
}

export function writeOverview({ filter, only, sorting, columns: chosen }: OverviewSettings, params: URLSearchParams): void {
  for (const key of kKeys) params.delete(key);
  if (filter) params.set("q", filter);
  for (const state of only) params.append("only", state);
  if (sorting.by) params.set("sort", (sorting.down ? "-" : "") + sorting.by);
  if (!same(chosen, usualColumns)) params.set("cols", chosen.join(","));
}

export const overviewText = (settings: OverviewSettings): string => {
  const params = new URLSearchParams();
  writeOverview(settings, params);
  return params.toString();
};

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
