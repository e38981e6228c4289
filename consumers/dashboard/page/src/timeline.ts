// Where a step lies in epochs and in time, so that every curve can be drawn over any of them. The server says both as
// curves over the step; between their points it is interpolated, beyond them it goes on as it did.
import type { Axis, Points } from "./protocol";

export const xModes = ["step", "epoch", "time", "relative"] as const;
export type XMode = (typeof xModes)[number];
export interface Range {
  min: number;
  max: number;
}

// A rising function through points.
class Rising {
  private readonly x: number[] = [];
  private readonly y: number[] = [];

  constructor(points: Points, before: readonly [number, number] | null = null) {
    if (before) this.add(...before);
    points.x.forEach((x, i) => this.add(x, points.y[i]!));
  }

  get known(): boolean {
    return this.x.length > 1;
  }
  get first(): number {
    return this.y[0] ?? 0;
  }

  at(x: number): number {
    return along(this.x, this.y, x);
  }
  inverse(y: number): number {
    return along(this.y, this.x, y);
  }

  // A clock that was set back, or an epoch that was done again, would fold the axis over itself.
  private add(x: number, y: number): void {
    const last = this.x.length - 1;
    if (last >= 0 && (x <= this.x[last]! || y <= this.y[last]!)) return;
    this.x.push(x);
    this.y.push(y);
  }
}

function along(from: readonly number[], to: readonly number[], value: number): number {
  const end = from.length - 1;
  if (end < 1) return value;
  let low = 0;
  let high = end;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (from[middle]! <= value) low = middle;
    else high = middle;
  }
  const share = (value - from[low]!) / (from[high]! - from[low]!);
  return to[low]! + share * (to[high]! - to[low]!);
}

const kNoPoints: Points = { x: [], y: [] };

export class Timeline {
  private readonly epochs: Rising;
  private readonly times: Rising;

  // Over steps: Unix milliseconds, and the epoch that ended with the step.
  constructor(times: Points = kNoPoints, epochs: Points = kNoPoints) {
    this.epochs = new Rising(epochs, [0, 0]);
    this.times = new Rising(times);
  }

  can(mode: XMode): boolean {
    if (mode === "epoch") return this.epochs.known;
    return mode === "step" || this.times.known;
  }

  // Time is in seconds: since 1970, or since the first step that is known.
  fromStep(mode: XMode, step: number): number {
    switch (mode) {
      case "step":
        return step;
      case "epoch":
        return this.epochs.at(step);
      case "time":
        return this.times.at(step) / 1000;
      case "relative":
        return (this.times.at(step) - this.times.first) / 1000;
    }
  }

  toStep(mode: XMode, x: number): number {
    switch (mode) {
      case "step":
        return x;
      case "epoch":
        return this.epochs.inverse(x);
      case "time":
        return this.times.inverse(x * 1000);
      case "relative":
        return this.times.inverse(x * 1000 + this.times.first);
    }
  }

  // The step that ended an epoch.
  stepOfEpoch(epoch: number): number {
    return this.epochs.inverse(epoch);
  }

  // Over what a curve can be drawn: `wanted`, else what is known of it.
  modeFor(axis: Axis, wanted: XMode): XMode {
    if (axis === "epoch" && !this.epochs.known) return "epoch";
    return this.can(wanted) ? wanted : "step";
  }

  // A curve whose x is a step or an epoch, over what modeFor() says.
  place(points: Points, axis: Axis, wanted: XMode): Points {
    const mode = this.modeFor(axis, wanted);
    if (axis === mode) return points;
    const steps = axis === "epoch" ? points.x.map((epoch) => this.stepOfEpoch(epoch)) : points.x;
    return { x: steps.map((step) => this.fromStep(mode, step)), y: points.y };
  }
}
