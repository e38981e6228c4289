// The charts of the watched trainer: settings, range and points, kept together. Settings live in the address; what is a
// matter of taste stays with the user as well.
import { defaultSettings, keptSettings, readSettings, saysSettings, writeSettings, type ChartSettings } from "./chart_settings";
import { EarlierCurves, type EarlierCurve } from "./earlier_curves";
import { FinePoints } from "./fine_points";
import type { ChartView } from "./page";
import type { Axis, Points } from "./protocol";
import { parseParams, type Session } from "./route";
import { fetchCurve } from "./series_api";
import { curveOf, type Watched } from "./state";
import { Timeline, type Range, type XMode } from "./timeline";
import { ZoomHistory } from "./zoom_history";

const kKey = "trainbus-charts";
const kMaxPoints = 4000;
const kNoPoints: Points = { x: [], y: [] };

interface Surroundings {
  watched(): Watched | null;
  otherTimeline(): Timeline | null; // while nobody is watched
  hash(): string;
  replaceParams(params: URLSearchParams): void;
  stored(key: string): string;
  store(key: string, value: string): void;
  changed(): void;
}

export class WatchedCharts implements ChartView {
  settings: ChartSettings = defaultSettings();
  timeline = new Timeline();
  extent: Range | null = null;
  private zoom = new ZoomHistory();
  private fine: FinePoints;
  private earlier: EarlierCurves;
  private placedFrom: Points[] = [];
  private placed = new WeakMap<Points, { timeline: Timeline; mode: XMode; points: Points }>();

  constructor(private readonly around: Surroundings) {
    this.fine = this.newFine(null);
    this.earlier = this.newEarlier(null);
  }

  get canGoBack(): boolean {
    return this.zoom.canGoBack;
  }

  // Another trainer is watched, or the address was changed by hand.
  open(session: Session | null): void {
    const params = parseParams(this.around.hash());
    const said = saysSettings(params);
    this.settings = readSettings(said ? params : new URLSearchParams(this.around.stored(kKey)));
    this.zoom = new ZoomHistory(this.settings.range);
    this.fine = this.newFine(session);
    this.earlier = this.newEarlier(session);
    if (session && !said) this.write();
  }

  // To be called before each paint.
  refresh(): void {
    const watched = this.around.watched();
    const from = watched ? [curveOf(watched, "timestamp_ms").points, curveOf(watched, "epoch_end").points] : [];
    if (from.some((points, i) => points !== this.placedFrom[i])) this.timeline = new Timeline(from[0], from[1]);
    if (!watched) this.timeline = this.around.otherTimeline() ?? this.timeline;
    this.placedFrom = from;
    this.earlier.show(watched?.incarnations ?? []);
    this.extent = watched && this.extentOf(watched);
    this.fine.show(this.stepRange());
  }

  change(changed: Partial<ChartSettings>): void {
    const { x } = this.settings;
    this.settings = { ...this.settings, ...changed };
    if (changed.x && changed.x !== x) {
      const to = changed.x;
      const { timeline } = this;
      const convert = (value: number) => timeline.fromStep(to, timeline.toStep(x, value));
      this.zoom.convert(({ min, max }) => ({ min: convert(min), max: convert(max) }));
    }
    this.settings.range = this.zoom.range;
    this.write();
  }

  setRange(range: Range | null, moving: boolean): void {
    this.zoom.set(range, Date.now(), moving);
    this.settings = { ...this.settings, range: this.zoom.range };
    this.write();
  }

  setY(id: string, range: Range | null): void {
    const yRanges = new Map(this.settings.yRanges);
    if (range && range.max > range.min) yRanges.set(id, range);
    else yRanges.delete(id);
    this.settings = { ...this.settings, yRanges };
    this.write();
  }

  back(): void {
    this.zoom.back();
    this.change({});
  }

  modeOf(name: string): XMode {
    const watched = this.around.watched();
    return watched ? this.timeline.modeFor(curveOf(watched, name).axis, this.settings.x) : this.settings.x;
  }

  pointsOf(name: string): Points {
    const watched = this.around.watched();
    if (!watched) return kNoPoints;
    const series = curveOf(watched, name);
    return this.over(this.fine.of(name, series), series.axis);
  }

  get hasEarlier(): boolean {
    return this.settings.earlier ? this.earlier.found : this.earlier.any;
  }

  earlierOf(name: string): EarlierCurve[] {
    const watched = this.around.watched();
    if (!watched || !this.settings.earlier) return [];
    return this.earlier.of(name, curveOf(watched, name), this.modeOf(name));
  }

  private over(points: Points, axis: Axis): Points {
    const { x: mode } = this.settings;
    if (axis === mode) return points;
    const known = this.placed.get(points);
    if (known?.timeline === this.timeline && known.mode === mode) return known.points;
    const placed = this.timeline.place(points, axis, mode);
    this.placed.set(points, { timeline: this.timeline, mode, points: placed });
    return placed;
  }

  // From the first to the last step of all curves.
  private extentOf({ series }: Watched): Range | null {
    const { x: mode, logX } = this.settings;
    let [min, max] = [Infinity, -Infinity];
    for (const { axis, x } of series.values()) {
      if (axis !== "step" || x.length === 0) continue;
      min = Math.min(min, x[0]!);
      max = Math.max(max, x[x.length - 1]!);
    }
    if (this.settings.earlier) max = Math.max(max, this.earlier.last);
    if (!(max > min) || logX) return null;
    const at = this.timeline.modeFor("step", mode);
    return { min: this.timeline.fromStep(at, min), max: this.timeline.fromStep(at, max) };
  }

  private stepRange(): Range | null {
    const { range, x } = this.settings;
    if (!range) return null;
    return { min: Math.floor(this.timeline.toStep(x, range.min)), max: Math.ceil(this.timeline.toStep(x, range.max)) };
  }

  private newFine(session: Session | null): FinePoints {
    return new FinePoints(
      (name, range) => (session ? fetchCurve(session, name, { maxPoints: kMaxPoints, range }).then(({ points }) => points) : Promise.reject(new Error("nobody is watched"))),
      () => this.around.changed(),
    );
  }

  private newEarlier(session: Session | null): EarlierCurves {
    return new EarlierCurves(
      (name, incarnation, range) =>
        session ? fetchCurve(session, name, { maxPoints: kMaxPoints, incarnation: String(incarnation), ...(range && { range }) }) : Promise.reject(new Error("nobody is watched")),
      () => this.around.changed(),
    );
  }

  private write(): void {
    const params = parseParams(this.around.hash());
    writeSettings(this.settings, params);
    this.around.replaceParams(params);
    this.around.store(kKey, keptSettings(this.settings));
    this.around.changed();
  }
}

