// Curves of a comparison by groups: one line for each group, the mean of its trainers, in a band from their lowest to
// their highest value.
import { settingsOf, type CompareItem } from "./compare";
import type { Band } from "./charts/band";
import type { Points, Trainer } from "./protocol";

const kMaxPoints = 1000;

// "run", or the name of a setting.
export function groupOf(item: CompareItem, info: Trainer | null, by: string): string {
  if (by === "run") return item.run;
  return (info && settingsOf(info).get(by)) ?? "not said";
}

// Every x of these, thinned evenly.
function sharedX(curves: readonly Points[]): number[] {
  const all = [...new Set(curves.flatMap(({ x }) => x))].sort((a, b) => a - b);
  if (all.length <= kMaxPoints) return all;
  return Array.from({ length: kMaxPoints }, (_, i) => all[Math.round((i * (all.length - 1)) / (kMaxPoints - 1))]!);
}

// The finite values of one curve at rising x, between its points as on a line through them; nothing beyond its ends.
function valuesAt({ x, y }: Points, at: readonly number[]): (number | null)[] {
  const finite = y.flatMap((value, i) => (Number.isFinite(value) ? [i] : []));
  let next = 0;
  return at.map((wanted) => {
    while (next < finite.length && x[finite[next]!]! < wanted) next++;
    const high = finite[next];
    if (high === undefined) return null;
    if (x[high] === wanted) return y[high]!;
    const low = finite[next - 1];
    if (low === undefined) return null;
    const share = (wanted - x[low]!) / (x[high]! - x[low]!);
    return y[low]! + share * (y[high]! - y[low]!);
  });
}

export function meanAndBand(curves: readonly Points[]): { mean: Points; band: Band } {
  const xs = sharedX(curves);
  const columns = curves.map((curve) => valuesAt(curve, xs));
  const mean: Points = { x: [], y: [] };
  const band: Band = { x: [], low: [], high: [] };
  xs.forEach((x, i) => {
    const values = columns.flatMap((column) => column[i] ?? []);
    if (values.length === 0) return;
    mean.x.push(x);
    mean.y.push(values.reduce((sum, value) => sum + value, 0) / values.length);
    band.x.push(x);
    band.low.push(Math.min(...values));
    band.high.push(Math.max(...values));
  });
  return { mean, band };
}
