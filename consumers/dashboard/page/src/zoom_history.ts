// The ranges of x that were looked at, to go back through. null is everything.
import type { Range } from "./timeline";

const kMaxPast = 50;
const kOneMotionMs = 700; // a wheel turns and a finger moves in many small steps, which are one

export class ZoomHistory {
  private past: (Range | null)[] = [];
  private changedAt = -Infinity;

  constructor(public range: Range | null = null) {}

  get canGoBack(): boolean {
    return this.past.length > 0;
  }

  // `moving`: one of many small steps.
  set(range: Range | null, now: number, moving = false): void {
    if (range && !(range.max > range.min)) return;
    if (same(range, this.range)) return;
    const continued = moving && now - this.changedAt < kOneMotionMs;
    if (!continued) this.past.push(this.range);
    if (this.past.length > kMaxPast) this.past.shift();
    this.range = range;
    this.changedAt = moving ? now : -Infinity;
  }

  back(): void {
    const before = this.past.pop();
    if (before !== undefined) this.range = before;
    this.changedAt = -Infinity;
  }

  // The ranges become others: x has another unit.
  convert(to: (range: Range) => Range | null): void {
    this.range = this.range && to(this.range);
    this.past = [];
  }
}

const same = (a: Range | null, b: Range | null): boolean => a === b || (a !== null && b !== null && a.min === b.min && a.max === b.max);
