// The curves and settings of what is compared, fetched from the server: once, and of live trainers again and again.
import { itemId, nothingCompared, type Compared, type CompareItem } from "./compare";
import { realTimers, type Timers } from "./live_socket";
import { FinePoints } from "./fine_points";
import { parseIncarnations, parseTrainer, type Incarnation, type Trainer } from "./protocol";
import { apiOf } from "./route";
import { fetchCurve, fetchJson, type FetchedCurve } from "./series_api";
import { Timeline, type Range, type XMode } from "./timeline";

const kMaxPoints = 2000;
const kAgainMs = 3000;
const placing = ["timestamp_ms", "epoch_end"] as const;

export interface ComparedItem {
  names: Set<string>; // its curves
  incarnations: Incarnation[];
  info: Trainer | null;
  curves: Map<string, FetchedCurve>;
  fine: FinePoints; // of the range in sight
  timeline: Timeline;
  problem: string;
}

export class CompareData {
  readonly items = new Map<string, ComparedItem>();
  private compared = nothingCompared;
  private timer = 0;

  constructor(
    private readonly isLive: (item: CompareItem) => boolean,
    private readonly changed: () => void,
    private readonly timers: Timers = realTimers,
  ) {}

  show(compared: Compared): void {
    this.compared = compared;
    for (const id of this.items.keys()) if (!compared.items.some((item) => itemId(item) === id)) this.items.delete(id);
    this.timers.clear(this.timer);
    void this.fetchAll(false);
  }

  stop(): void {
    this.timers.clear(this.timer);
    this.compared = nothingCompared;
    this.items.clear();
  }

  // The range of x that is shown: finer points of it are fetched. To be called before each paint.
  look(range: Range | null, mode: XMode): void {
    for (const { timeline, fine } of this.items.values())
      fine.show(range && { min: Math.floor(timeline.toStep(mode, range.min)), max: Math.ceil(timeline.toStep(mode, range.max)) });
  }

  // Every curve that at least one of them has.
  get names(): Set<string> {
    return new Set([...this.items.values()].flatMap(({ names }) => [...names]));
  }

  private async fetchAll(again: boolean): Promise<void> {
    const { compared } = this;
    await Promise.all(compared.items.map((item) => this.fetchItem(item, compared, again)));
    if (compared !== this.compared || compared.items.length === 0) return;
    this.timer = this.timers.set(() => void this.fetchAll(true), kAgainMs);
  }

  // `again`: only what can have changed.
  private async fetchItem(item: CompareItem, compared: Compared, again: boolean): Promise<void> {
    const id = itemId(item);
    const known = this.items.get(id);
    if (again && !this.isLive(item)) return;
    const made = known ?? this.newItem(item);
    this.items.set(id, made);
    try {
      if (!known || again) await this.fetchList(item, made);
      const wanted = [...placing, ...compared.values].filter((name) => made.names.has(name) && (again || !made.curves.has(name)));
      await Promise.all(
        wanted.map(async (name) => made.curves.set(name, await fetchCurve(item, name, { maxPoints: kMaxPoints, incarnation: item.incarnation }))),
      );
      const at = (name: string) => made.curves.get(name)?.points;
      made.timeline = new Timeline(at("timestamp_ms"), at("epoch_end"));
      made.problem = "";
    } catch (error) {
      made.problem = error instanceof Error ? error.message : String(error);
    }
    this.changed();
  }

  private newItem(item: CompareItem): ComparedItem {
    const finer = (name: string, range: Range) =>
      fetchCurve(item, name, { maxPoints: kMaxPoints, range, incarnation: item.incarnation }).then(({ points }) => points);
    const fine = new FinePoints(finer, () => this.changed());
    return { names: new Set(), incarnations: [], info: null, curves: new Map(), fine, timeline: new Timeline(), problem: "" };
  }

  private async fetchList(item: CompareItem, made: ComparedItem): Promise<void> {
    const address = apiOf(item);
    // Curves without settings are better than nothing.
    const [list, info] = await Promise.all([fetchJson(`${address}/series`), made.info ? null : fetchJson(address).catch(() => null)]);
    const series = Array.isArray(list.series) ? (list.series as { name?: unknown }[]) : [];
    made.names = new Set(series.flatMap(({ name }) => (typeof name === "string" ? [name] : [])));
    made.incarnations = parseIncarnations(list.incarnations);
    if (info) made.info = parseTrainer(info);
  }
}
