// Which charts a trainer's curves make: those every training may have, and one for each named value.
import { inOrder } from "../chart_settings";
import { loss, mebibytes, number, percent, rate } from "../format";
import { builtInSeries, placingSeries, type BuiltInSeries } from "../protocol";

type Format = (value: number | null) => string;

export interface CurveSpec {
  series: string;
  label: string;
  colour: string;
  format: Format;
  axisFormat?: Format;
  smooth?: boolean;
  dash?: readonly number[];
  stepped?: boolean;
  dots?: boolean; // where there are few points
  scale?: "y" | "right";
}

export interface ChartSpec {
  id: string;
  title: string;
  testId: string;
  group: string; // the part before the first '/' of a named value
  height: number;
  span: number; // columns; 0: all
  fromZero?: boolean;
  curves: CurveSpec[];
}

export const kTraining = "training";
export const kMachine = "machine";

const wholePercent: Format = (value) => (value === null ? "–" : `${number(value * 100, 3)} %`);
const whole: Format = (value) => (value === null ? "–" : `${Math.round(value)} %`);
const milliseconds: Format = (value) => (value === null ? "–" : `${number(value, 3)} ms`);

const built = (series: BuiltInSeries, label: string, colour: string, format: Format, more: Partial<CurveSpec> = {}): CurveSpec => ({
  series, label, colour, format, ...more,
});
const validation = { dash: [6, 4], dots: true };

const builtInCharts: ChartSpec[] = [
  {
    id: "loss", title: "Loss per batch", testId: "loss-chart", group: kTraining, height: 260, span: 0,
    curves: [built("batch_loss", "batch", "train", loss, { smooth: true, axisFormat: number })],
  },
  {
    id: "epoch-loss", title: "Loss per epoch", testId: "epoch-loss-chart", group: kTraining, height: 180, span: 1,
    curves: [
      built("epoch_loss", "training", "train", loss, { dots: true, axisFormat: number }),
      built("validation_loss", "validation", "validation", loss, { ...validation, axisFormat: number }),
    ],
  },
  {
    id: "epoch-accuracy", title: "Accuracy per epoch", testId: "epoch-accuracy-chart", group: kTraining, height: 180, span: 1,
    curves: [
      built("epoch_accuracy", "training", "train", percent, { dots: true, axisFormat: wholePercent }),
      built("validation_accuracy", "validation", "validation", percent, { ...validation, axisFormat: wholePercent }),
    ],
  },
  {
    id: "accuracy", title: "Accuracy per batch", testId: "accuracy-chart", group: kTraining, height: 160, span: 1,
    curves: [built("batch_accuracy", "batch", "train", percent, { smooth: true, axisFormat: wholePercent })],
  },
  {
    id: "learning-rate", title: "Learning rate", testId: "lr-chart", group: kTraining, height: 160, span: 1, fromZero: true,
    curves: [built("learning_rate", "rate", "accent", number, { stepped: true })],
  },
  {
    id: "time-per-batch", title: "Time per batch", testId: "perf-chart", group: kMachine, height: 150, span: 1, fromZero: true,
    curves: [built("time_per_batch_ms", "time", "perf", milliseconds)],
  },
  {
    id: "rate", title: "Batches per second", testId: "fps-chart", group: kMachine, height: 150, span: 1, fromZero: true,
    curves: [built("fps", "rate", "perf", rate)],
  },
  {
    id: "cpu", title: "CPU and memory", testId: "cpu-chart", group: kMachine, height: 150, span: 1, fromZero: true,
    curves: [
      built("cpu_percent", "CPU", "train", whole),
      built("memory_mb", "memory", "validation", mebibytes, { dash: [6, 4], scale: "right" }),
    ],
  },
  {
    id: "gpu", title: "GPU", testId: "gpu-chart", group: kMachine, height: 150, span: 1, fromZero: true,
    curves: [
      built("gpu_percent", "GPU", "train", whole),
      built("gpu_memory_mb", "memory", "validation", mebibytes, { dash: [6, 4], scale: "right" }),
    ],
  },
];

export const isNamedValue = (name: string): boolean => !builtInSeries.has(name) && !placingSeries.has(name);

function valueChart(name: string): ChartSpec {
  const slash = name.indexOf("/");
  return {
    id: name,
    title: name.slice(slash + 1),
    testId: "value-chart",
    group: slash < 0 ? "" : name.slice(0, slash),
    height: 150,
    span: 1,
    curves: [{ series: name, label: "", colour: "accent", format: number, smooth: true, dots: true }],
  };
}

// In the order in which they are drawn. Curves that nobody said have no place in a chart.
export function chartsOf(names: readonly string[]): ChartSpec[] {
  const said = new Set(names);
  const builtIn = builtInCharts
    .map((chart) => ({ ...chart, curves: chart.curves.filter(({ series }) => said.has(series)) }))
    .filter(({ curves }) => curves.length > 0);
  return [...builtIn, ...names.filter(isNamedValue).sort().map(valueChart)];
}

export interface ChartGroup {
  name: string;
  charts: ChartSpec[];
}

// Pinned ones are taken out of their groups. Named values without a group come before those with one.
export function grouped(charts: readonly ChartSpec[], pinned: readonly string[], search: string, order: readonly string[] = []): { pinned: ChartSpec[]; groups: ChartGroup[] } {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = ({ id, title, group, curves }: ChartSpec) => {
    const text = [id, title, group, ...curves.map(({ series }) => series)].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = charts.filter(matches);
  const groups = new Map<string, ChartSpec[]>();
  for (const chart of found) {
    if (pinned.includes(chart.id)) continue;
    const { group } = chart;
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group)!.push(chart);
  }
  const place = (name: string) => [kTraining, "", kMachine].indexOf(name);
  const rank = (name: string) => (place(name) < 0 ? 1.5 : place(name));
  const sorted = [...groups].map(([name, list]) => ({ name, charts: inOrder(list, order) })).sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
  return { pinned: inOrder(pinned.flatMap((id) => found.filter((chart) => chart.id === id)), order), groups: sorted };
}
