// Points in ascending x that grow at the end, with a bound. Past the bound the older points are thinned to the minimum
// and the maximum of each bucket, so that a spike stays visible for ever; so does a value that is not finite.
import type { Axis, Points } from "./protocol";

const kMaxPoints = 6000;
const kThinnedPoints = 3000;

export class Series {
  readonly x: number[] = [];
  readonly y: number[] = [];

  total = 0; // points that there are; those here may be thinned
  private shown: Points | null = null;

  constructor(readonly axis: Axis = "step") {}

  // A copy of the points that never changes; another one whenever they did.
  get points(): Points {
    return (this.shown ??= { x: this.x.slice(), y: this.y.slice() });
  }

  get length(): number {
    return this.x.length;
  }
  get last(): number | null {
    return this.y[this.y.length - 1] ?? null;
  }

  replace(points: Points, total = points.x.length): void {
    this.x.splice(0, this.x.length, ...points.x);
    this.y.splice(0, this.y.length, ...points.y);
    this.total = total;
    this.shown = null;
  }

  // At its place; one x has one point, the last that was said.
  append(x: number, y: number): void {
    if (!Number.isFinite(x)) return;
    let at = this.x.length;
    while (at > 0 && this.x[at - 1]! >= x) at--;
    const same = this.x[at] === x ? 1 : 0;
    this.x.splice(at, same, x);
    this.y.splice(at, same, y);
    this.total += 1 - same;
    this.shown = null;
    if (this.x.length > kMaxPoints) this.replace(thinned(this, kThinnedPoints), this.total);
  }
}

// At most `limit` points: of each of equal runs the lowest, the highest, and one that is not finite, in their order.
export function thinned(points: Points, limit: number): Points {
  const count = points.x.length;
  if (count <= limit) return points;
  const buckets = Math.floor(limit / (points.y.every(Number.isFinite) ? 2 : 3));
  const out: Points = { x: [], y: [] };
  for (let bucket = 0; bucket < buckets; bucket++) {
    const begin = Math.floor((bucket * count) / buckets);
    const end = Math.floor(((bucket + 1) * count) / buckets);
    for (const i of extremes(points.y, begin, end)) {
      out.x.push(points.x[i]!);
      out.y.push(points.y[i]!);
    }
  }
  return out;
}

function extremes(y: readonly number[], begin: number, end: number): number[] {
  let low = -1;
  let high = -1;
  let odd = -1;
  for (let i = begin; i < end; i++) {
    const value = y[i]!;
    if (!Number.isFinite(value)) {
      if (odd < 0) odd = i;
      continue;
    }
    if (low < 0 || value < y[low]!) low = i;
    if (high < 0 || value > y[high]!) high = i;
  }
  return [...new Set([low, high, odd])].filter((i) => i >= 0).sort((a, b) => a - b);
}

// Several series on the union of their x, null where one has no point.
export function aligned(parts: readonly Points[]): [number[], ...(number | null)[][]] {
  const first = parts[0];
  if (first && parts.every((part) => part.x === first.x)) return [first.x, ...parts.map((part) => part.y)];
  const x = [...new Set(parts.flatMap((part) => part.x))].sort((a, b) => a - b);
  const rows = new Map(x.map((value, row) => [value, row]));
  const columns = parts.map((part) => {
    const column: (number | null)[] = new Array(x.length).fill(null);
    part.x.forEach((value, i) => (column[rows.get(value)!] = part.y[i]!));
    return column;
  });
  return [x, ...columns];
}
