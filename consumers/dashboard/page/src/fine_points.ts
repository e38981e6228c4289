// Finer points of the curves on screen, for the part of them that is shown: the server decimates that part alone.
import type { Points } from "./protocol";
import type { Series } from "./series";
import type { Range } from "./timeline";

const kMargin = 0.5; // of the range, at each side: so that a little panning shows nothing coarse
const kSettleMs = 200; // a moving range is asked for when it has come to rest

type Fetch = (name: string, range: Range) => Promise<Points>;

export class FinePoints {
  private range: Range | null = null; // of steps, with its margin; of epochs nothing finer is needed
  private readonly points = new Map<string, Points>();
  private readonly asked = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly fetch: Fetch,
    private readonly changed: () => void,
  ) {}

  // null: everything is shown.
  show(range: Range | null): void {
    if (range && this.range && covers(this.range, range) && width(this.range) < width(range) * 4) return;
    this.points.clear();
    this.asked.clear();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.range = null;
    if (!range) return;
    this.timer = setTimeout(() => {
      this.range = { min: range.min - width(range) * kMargin, max: range.max + width(range) * kMargin };
      this.changed();
    }, kSettleMs);
  }

  // Asks for what is not here yet.
  of(name: string, series: Series): Points {
    if (!this.range || series.axis !== "step" || series.total <= series.length) return series.points;
    const fine = this.points.get(name);
    if (!fine) this.ask(name, this.range);
    return fine ? withTail(fine, series) : series.points;
  }

  private ask(name: string, range: Range): void {
    if (this.asked.has(name)) return;
    this.asked.add(name);
    this.fetch(name, range).then(
      (points) => {
        if (this.range !== range) return;
        this.points.set(name, points);
        this.changed();
      },
      () => {}, // the coarse points stay
    );
  }
}

const width = ({ min, max }: Range): number => max - min;
const covers = (outer: Range, inner: Range): boolean => outer.min <= inner.min && outer.max >= inner.max;

const joined = new WeakMap<Points, { of: Points; points: Points }>();

// What came since the fine points were fetched.
function withTail(fine: Points, series: Series): Points {
  const last = fine.x.at(-1) ?? -Infinity;
  if (series.x.at(-1)! <= last) return fine;
  const known = joined.get(fine);
  if (known?.of === series.points) return known.points;
  const from = series.x.findIndex((x) => x > last);
  const points = { x: [...fine.x, ...series.x.slice(from)], y: [...fine.y, ...series.y.slice(from)] };
  joined.set(fine, { of: series.points, points });
  return points;
}
