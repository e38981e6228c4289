// Points in ascending x that grow at the end, with a bound. Past the bound the older points are thinned to the minimum
// and the maximum of each bucket, so that a spike stays visible for ever.
import type { Points } from "./protocol";

const kMaxPoints = 6000;
const kThinnedPoints = 3000;

export class Series {
  readonly x: number[] = [];
  readonly y: number[] = [];
  version = 0;

  get length(): number {
    return this.x.length;
  }
  get last(): number | null {
    return this.y[this.y.length - 1] ?? null;
  }

  replace(points: Points): void {
    this.x.length = 0;
    this.y.length = 0;
    this.version++;
    for (let i = 0; i < points.x.length; i++) this.push(points.x[i]!, points.y[i]!);
  }

  // A point at or before the last one supersedes everything from its x on: the trainer started again from there.
  append(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    this.version++;
    while (this.x.length > 0 && this.x[this.x.length - 1]! >= x) {
      this.x.pop();
      this.y.pop();
    }
    this.push(x, y);
    if (this.x.length > kMaxPoints) this.thin();
  }

  // History may hold two points of one x (minimum and maximum): they stay both.
  private push(x: number, y: number): void {
    this.x.push(x);
    this.y.push(y);
  }

  private thin(): void {
    const { x, y } = thinned({ x: this.x, y: this.y }, kThinnedPoints);
    this.x.splice(0, this.x.length, ...x);
    this.y.splice(0, this.y.length, ...y);
  }
}

// At most `limit` points: the lowest and the highest of each of limit / 2 equal runs, in their order.
export function thinned(points: Points, limit: number): Points {
  const count = points.x.length;
  if (count <= limit) return points;
  const buckets = Math.floor(limit / 2);
  const out: Points = { x: [], y: [] };
  for (let bucket = 0; bucket < buckets; bucket++) {
    const begin = Math.floor((bucket * count) / buckets);
    const end = Math.floor(((bucket + 1) * count) / buckets);
    let low = begin;
    let high = begin;
    for (let i = begin + 1; i < end; i++) {
      if (points.y[i]! < points.y[low]!) low = i;
      if (points.y[i]! > points.y[high]!) high = i;
    }
    for (const i of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) {
      out.x.push(points.x[i]!);
      out.y.push(points.y[i]!);
    }
  }
  return out;
}

// An exponential moving average that looks about `window` points both ways, so that it does not lag behind.
export function smoothed(y: readonly number[], window: number): number[] {
  const keep = 1 - 2 / (Math.max(window, 1) + 1);
  const sums = new Array<number>(y.length).fill(0);
  const weights = new Array<number>(y.length).fill(0);
  const pass = (from: number, step: 1 | -1) => {
    let sum = 0;
    let weight = 0;
    for (let i = from; i >= 0 && i < y.length; i += step) {
      sum = sum * keep + y[i]!;
      weight = weight * keep + 1;
      sums[i]! += sum;
      weights[i]! += weight;
    }
  };
  pass(0, 1);
  pass(y.length - 1, -1);
  return sums.map((sum, i) => sum / weights[i]!);
}

// Several series on the union of their x, null where one has no point: what uPlot draws.
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
