// The list by groups: of one run, or of one value of any column. What a group says of its trainers together.
import { columnOf } from "./overview_columns";
import type { Trainer } from "./protocol";
import { compareNames } from "./name_order";

export interface Group {
  name: string; // "": they have no such value
  trainers: Trainer[];
}
export interface GroupHead {
  group: Group;
  open: boolean;
}
export type Line = GroupHead | { trainer: Trainer };

export const usualGroups = ["run", "site", "state", "model", "dataset"];

export function groupName(trainer: Trainer, by: string): string {
  if (by === "run") return trainer.run;
  const value = columnOf(by)?.value(trainer) ?? "";
  return String(value);
}

// Groups by name, the trainers of each in the order in which they come.
export function grouped(trainers: readonly Trainer[], by: string): Group[] {
  const groups = new Map<string, Group>();
  for (const trainer of trainers) {
    const name = groupName(trainer, by);
    const group = groups.get(name) ?? { name, trainers: [] };
    group.trainers.push(trainer);
    groups.set(name, group);
  }
  return [...groups.values()].sort((a, b) => Number(a.name === "") - Number(b.name === "") || compareNames(a.name, b.name));
}

// What the list shows, line by line. `by` "": no groups.
export function linesOf(trainers: readonly Trainer[], by: string, closed: readonly string[]): Line[] {
  if (!by) return trainers.map((trainer) => ({ trainer }));
  return grouped(trainers, by).flatMap((group): Line[] => {
    const open = !closed.includes(group.name);
    return [{ group, open }, ...(open ? group.trainers.map((trainer) => ({ trainer })) : [])];
  });
}

export interface Spread {
  mean: number;
  low: number;
  high: number;
}

// Of the finite ones; null: there is none.
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const finite = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (finite.length === 0) return null;
  return { mean: finite.reduce((sum, value) => sum + value, 0) / finite.length, low: Math.min(...finite), high: Math.max(...finite) };
}

// "3 ALIVE, 1 DEAD"
export function statesOf(trainers: readonly Trainer[]): string {
  const counts = new Map<string, number>();
  for (const { state } of trainers) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
}
