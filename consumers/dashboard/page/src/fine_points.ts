// Finer points of the curves on screen, for the part of them that is shown: the server decimates that part alone.
import type { Axis, Points } from "./protocol";
import type { Range } from "./timeline";

const kMargin = 0.5; // of the range, at each side: so that a little panning shows nothing coarse
const kSettleMs = 200; // a moving range is asked for when it has come to rest
const kCouldBeThinned = 200; // points: the server itself may have thinned so many, and has more in the journal

export interface CoarseCurve {
  axis: Axis;
  total: number; // points that there are
  points: Points;
}

type Fetch = (name: string, range: Range) => Promise<Points>;

export class FinePoints {
  // Of steps, with a margin; of epochs nothing finer is needed.
  private wanted: Range | null = null;
  private range: Range | null = null; // once it has come to rest
  private readonly points = new Map<string, Points>();
  private readonly asked = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly fetch: Fetch,
    private readonly changed: () => void,
  ) {}

  // null: everything is shown. May be said again with every paint.
  show(range: Range | null): void {
    if (range && this.wanted && covers(this.wanted, range) && width(this.wanted) < width(range) * 4) return;
    this.points.clear();
    this.asked.clear();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.range = null;
    this.wanted = range && { min: range.min - width(range) * kMargin, max: range.max + width(range) * kMargin };
    if (!range) return;
    this.timer = setTimeout(() => {
      this.range = this.wanted;
      this.changed();
    }, kSettleMs);
  }

  // Asks for what is not here yet.
  of(name: string, { axis, total, points }: CoarseCurve): Points {
    const whole = total <= points.x.length && total < kCouldBeThinned;
    if (!this.range || axis !== "step" || whole) return points;
    const fine = this.points.get(name);
    if (!fine) this.ask(name, this.range);
    return fine ? withTail(fine, points) : points;
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
function withTail(fine: Points, coarse: Points): Points {
  const last = fine.x.at(-1) ?? -Infinity;
  if ((coarse.x.at(-1) ?? -Infinity) <= last) return fine;
  const known = joined.get(fine);
  if (known?.of === coarse) return known.points;
  const from = coarse.x.findIndex((x) => x > last);
  const points = { x: [...fine.x, ...coarse.x.slice(from)], y: [...fine.y, ...coarse.y.slice(from)] };
  joined.set(fine, { of: coarse, points });
  return points;
}
