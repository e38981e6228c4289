// How the charts are drawn: kept for the user, and said in the address, so that a link shows the same view.
import { xModes, type Range, type XMode } from "./timeline";

export interface ChartSize {
  span: number; // columns; 0: all
  height: number; // CSS pixels
}

export interface ChartSettings {
  x: XMode;
  smoothing: number; // 0 to 0.999
  clip: boolean; // outliers do not stretch the y axis
  logX: boolean;
  log: string[]; // charts with a logarithmic y axis
  pinned: string[]; // charts, in the order of their pinning
  order: string[]; // charts that were moved, and those before them in their groups
  sizes: Map<string, ChartSize>;
  closed: string[]; // groups of charts
  earlier: boolean; // what earlier incarnations said and a later one did again is shown
  search: string;
  full: string; // the chart that fills the screen; "": none
  range: Range | null; // of x
  yRanges: Map<string, Range>; // of charts whose y axis was zoomed
}

export const kMaxSmoothing = 0.999;
const kMaxOrdered = 100;
const kMinHeight = 100;
const kMaxHeight = 1200;

export const defaultSettings = (): ChartSettings => ({
  x: "step", smoothing: 0.9, clip: false, logX: false, log: [], pinned: [], order: [], sizes: new Map(), closed: [], earlier: true, search: "", full: "", range: null, yRanges: new Map(),
});

// `log` has it, or not: the other of both.
export const toggled = (list: readonly string[], name: string): string[] =>
  list.includes(name) ? list.filter((one) => one !== name) : [...list, name];

// Those that say their place in their order, then the others.
export function inOrder<T extends { id: string }>(charts: readonly T[], order: readonly string[]): T[] {
  const place = (id: string) => (order.includes(id) ? order.indexOf(id) : order.length);
  return [...charts].sort((a, b) => place(a.id) - place(b.id));
}

// The order in which one of a group, whose charts are drawn in this order, is so many places further on.
export function moved(group: readonly string[], order: readonly string[], id: string, by: number): string[] {
  const from = group.indexOf(id);
  const to = Math.min(group.length - 1, Math.max(0, from + by));
  const after = group.filter((other) => other !== id);
  after.splice(to, 0, id);
  const said = Math.max(from, to, ...group.map((other, i) => (order.includes(other) ? i : 0)));
  return [...order.filter((other) => !group.includes(other)), ...after.slice(0, said + 1)].slice(-kMaxOrdered);
}

export const boundedSize = ({ span, height }: ChartSize): ChartSize => ({
  span: Math.min(6, Math.max(0, Math.round(span))),
  height: Math.min(kMaxHeight, Math.max(kMinHeight, Math.round(height))),
});

const kKeys = ["x", "smooth", "clip", "logx", "log", "pin", "order", "size", "closed", "earlier", "q", "full", "from", "to", "y"];

// Only what differs from the defaults; other parameters stay.
export function writeSettings(settings: ChartSettings, params: URLSearchParams): void {
  for (const key of kKeys) params.delete(key);
  const plain = defaultSettings();
  if (settings.x !== plain.x) params.set("x", settings.x);
  if (settings.smoothing !== plain.smoothing) params.set("smooth", String(settings.smoothing));
  if (settings.clip) params.set("clip", "1");
  if (settings.logX) params.set("logx", "1");
  for (const id of settings.log) params.append("log", id);
  for (const id of settings.pinned) params.append("pin", id);
  for (const id of settings.order) params.append("order", id);
  for (const [id, { span, height }] of settings.sizes) params.append("size", `${span}x${height}:${id}`);
  for (const group of settings.closed) params.append("closed", group);
  if (!settings.earlier) params.set("earlier", "0");
  if (settings.search) params.set("q", settings.search);
  if (settings.full) params.set("full", settings.full);
  if (settings.range) {
    params.set("from", String(rounded(settings.range.min, settings.range)));
    params.set("to", String(rounded(settings.range.max, settings.range)));
  }
  for (const [id, range] of settings.yRanges) params.append("y", `${rounded(range.min, range)}..${rounded(range.max, range)}:${id}`);
}

// Four digits finer than the range is wide.
function rounded(value: number, { min, max }: Range): number {
  const unit = 10 ** (Math.floor(Math.log10(max - min || 1)) - 4);
  return Number((Math.round(value / unit) * unit).toPrecision(15));
}

export const saysSettings = (params: URLSearchParams): boolean => kKeys.some((key) => params.has(key));

function rangeOf(from: string | null, to: string | null): Range | null {
  const [min, max] = [Number(from ?? NaN), Number(to ?? NaN)];
  return min < max && Number.isFinite(max - min) ? { min, max } : null;
}

// What makes no sense is as if not said.
export function readSettings(params: URLSearchParams): ChartSettings {
  const settings = defaultSettings();
  settings.x = xModes.find((mode) => mode === params.get("x")) ?? settings.x;
  const smoothing = Number(params.get("smooth") ?? NaN);
  if (smoothing >= 0 && smoothing <= kMaxSmoothing) settings.smoothing = smoothing;
  settings.clip = params.get("clip") === "1";
  settings.logX = params.get("logx") === "1";
  settings.log = params.getAll("log");
  settings.pinned = params.getAll("pin");
  settings.order = params.getAll("order").slice(0, kMaxOrdered);
  settings.closed = params.getAll("closed");
  for (const text of params.getAll("size")) {
    const [, span, height, id] = /^(\d)x(\d{2,4}):(.+)$/s.exec(text) ?? [];
    if (id) settings.sizes.set(id, boundedSize({ span: Number(span), height: Number(height) }));
  }
  settings.earlier = params.get("earlier") !== "0";
  settings.search = params.get("q") ?? "";
  settings.full = params.get("full") ?? "";
  settings.range = rangeOf(params.get("from"), params.get("to"));
  for (const text of params.getAll("y").slice(0, kMaxOrdered)) {
    const [, min = null, max = null, id] = /^([^:]+)\.\.([^:]+):(.+)$/s.exec(text) ?? [];
    const range = rangeOf(min, max);
    if (id && range) settings.yRanges.set(id, range);
  }
  return settings;
}

// What stays with the user from one page to the next: taste, not what is looked at now.
export function keptSettings(settings: ChartSettings): string {
  const params = new URLSearchParams();
  writeSettings({ ...settings, search: "", full: "", range: null, yRanges: new Map() }, params);
  return params.toString();
}
