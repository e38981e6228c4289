// What earlier incarnations of the watched trainer said and a later one did again: it stays on the charts, behind the
// curve of all of them. Asked for of the charts on screen, once.
import type { Axis, Incarnation, Points } from "./protocol";
import type { FetchedCurve } from "./series_api";
import { Timeline, type Range, type XMode } from "./timeline";

export const kMostEarlier = 3; // incarnations, the newest of them
const kToTheEnd = 2 ** 53; // a step that nobody reaches

export interface Superseded {
  incarnation: bigint;
  from: number; // on the line of all incarnations: a later one begins there
}

// The newest first. A later incarnation that has said nothing yet supersedes nothing.
export function supersededOf(incarnations: readonly Incarnation[]): Superseded[] {
  let from = Infinity;
  const found: Superseded[] = [];
  for (const { incarnation, begin } of [...incarnations].reverse()) {
    if (Number.isFinite(from)) found.push({ incarnation, from });
    from = Math.min(from, begin ?? Infinity);
  }
  return found.slice(0, kMostEarlier);
}

// Of a curve over epochs: what is not on the line of all as well.
export function notAmong(points: Points, { x, y }: Points): Points {
  const shown = new Map(x.map((value, i) => [value, y[i]!]));
  const kept = points.x.flatMap((value, i) => (Object.is(shown.get(value), points.y[i]) ? [] : [i]));
  return { x: kept.map((i) => points.x[i]!), y: kept.map((i) => points.y[i]!) };
}

export interface EarlierCurve {
  incarnation: bigint;
  points: Points;
}

type Fetch = (name: string, incarnation: bigint, range?: Range) => Promise<FetchedCurve>;

export class EarlierCurves {
  last = 0; // step that is on a chart
  private superseded: Superseded[] = [];
  private key = "";
  private curves = new Map<string, EarlierCurve[]>(); // by name
  private timelines = new Map<bigint, Timeline>();
  // The same objects while nothing changed, so that no chart is drawn again.
  private readonly alone = new WeakMap<Points, { whole: Points; points: Points }>();
  private readonly placed = new WeakMap<Points, { timeline: Timeline; mode: XMode; points: Points }>();

  constructor(
    private readonly fetch: Fetch,
    private readonly changed: () => void,
  ) {}

  get any(): boolean {
    return this.superseded.length > 0;
  }

  // Something of them is to be seen.
  get found(): boolean {
    return [...this.curves.values()].flat().some(({ points }) => points.x.length > 0);
  }

  // To be called before each paint.
  show(incarnations: readonly Incarnation[]): void {
    const key = incarnations.map(({ incarnation, begin }) => `${incarnation} ${begin}`).join();
    if (key === this.key) return;
    this.key = key;
    this.superseded = supersededOf(incarnations);
    this.curves = new Map();
    this.timelines = new Map();
    this.last = 0;
    if (this.any) void this.fetchTimelines(key);
  }

  // Over what `mode` says; `whole` is the curve of all incarnations. Asks for what is not here yet.
  of(name: string, whole: { axis: Axis; points: Points }, mode: XMode): EarlierCurve[] {
    const { axis } = whole;
    const known = this.curves.get(name);
    if (!known && this.any) void this.fetchCurves(name, axis, this.key);
    return (known ?? []).flatMap(({ incarnation, points }) => {
      const timeline = this.timelines.get(incarnation);
      const shown = axis === "epoch" ? this.notIn(whole.points, points) : points;
      if (shown.x.length === 0 || !timeline || (axis !== mode && timeline.modeFor(axis, mode) !== mode)) return [];
      return [{ incarnation, points: this.over(shown, axis, mode, timeline) }];
    });
  }

  private notIn(whole: Points, points: Points): Points {
    const known = this.alone.get(points);
    if (known?.whole === whole) return known.points;
    const made = notAmong(points, whole);
    this.alone.set(points, { whole, points: made });
    return made;
  }

  private over(points: Points, axis: Axis, mode: XMode, timeline: Timeline): Points {
    const known = this.placed.get(points);
    if (known?.timeline === timeline && known.mode === mode) return known.points;
    const placed = timeline.place(points, axis, mode);
    this.placed.set(points, { timeline, mode, points: placed });
    return placed;
  }

  private async fetchCurves(name: string, axis: Axis, key: string): Promise<void> {
    this.curves.set(name, []);
    const found = await Promise.all(
      this.superseded.map(async ({ incarnation, from }): Promise<EarlierCurve[]> => {
        const range = axis === "step" ? { min: from, max: kToTheEnd } : undefined; // epochs are no steps: all are asked for
        const curve = await this.fetch(name, incarnation, range).catch(() => null);
        if (axis === "step") this.last = Math.max(this.last, curve?.points.x.at(-1) ?? 0);
        return curve ? [{ incarnation, points: curve.points }] : [];
      }),
    );
    if (key !== this.key) return;
    this.curves.set(name, found.flat());
    this.changed();
  }

  private async fetchTimelines(key: string): Promise<void> {
    for (const { incarnation } of this.superseded) {
      const [times, epochs] = await Promise.all(["timestamp_ms", "epoch_end"].map((name) => this.fetch(name, incarnation).then(({ points }) => points, () => undefined)));
      if (key !== this.key) return;
      this.timelines.set(incarnation, new Timeline(times, epochs));
    }
    this.changed();
  }
}
