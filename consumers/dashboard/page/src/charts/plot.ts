// What uPlot is told: scales, axes, series, cursor.
import uPlot from "uplot";
import { number } from "../format";
import { aligned } from "../series";
import { cssColour } from "../theme";
import type { Range, Timeline, XMode } from "../timeline";
import { bandOf, drawBand } from "./band";
import { attachGestures, panByMouse, type GestureTarget } from "./gestures";
import type { DrawnLine } from "./line";
import type { Marker, PlacedMarker } from "./marker_layout";
import { drawMarkers } from "./markers";
import { drawNotFinite } from "./not_finite";
import { tickIncrements, tickText } from "./x_axis";
import { yRange, type YRange } from "./y_range";
import { linearSplits, logSplits } from "./y_splits";

export interface PlotInput extends GestureTarget {
  lines: DrawnLine[];
  xMode: XMode;
  timeline: Timeline;
  height: number;
  range: Range | null;
  extent: Range | null;
  yZoom: Range | null;
  markers: readonly Marker[];
  fromZero: boolean;
  log: boolean;
  logX: boolean;
  clip: boolean;
  whole: boolean; // the y axis has room for all values, whatever becomes of the others
  wheelAlways: boolean;
  cursorMoved(plot: uPlot): void;
  outside(count: number): void; // values that the y axis leaves out
  placed: PlacedMarker[]; // as they were drawn last
}

const kFont = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const kPad = 0.06;
const kYSpace = 30; // between two lines of the y axis, CSS pixels
const kLeastSpan = 1e-12; // of the size of the values: less is what computing them left

// uPlot has no place for a value that is not finite, nor for what a logarithm cannot show; the former draws itself.
export function columnsOf({ lines, log, logX }: PlotInput): uPlot.AlignedData {
  const [x, ...columns] = aligned(lines.map((line) => line.points));
  const drawable = (y: number | null, line: DrawnLine) => y !== null && Number.isFinite(y) && !(log && line.scale !== "right" && y <= 0);
  const first = logX ? x.findIndex((value) => value > 0) : 0;
  const from = first < 0 ? x.length : first;
  return [x.slice(from), ...columns.map((column, i) => column.slice(from).map((y) => (drawable(y, lines[i]!) ? y : null)))];
}

export function optionsFor(input: () => PlotInput, width: number): uPlot.Options {
  const { lines, height } = input();
  const hasRight = lines.some((line) => line.scale === "right");
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, hasRight ? 0 : 12, 0, 0],
    scales: scalesFor(input),
    axes: [xAxis(input), yAxis(input, "y", 3), ...(hasRight ? [yAxis(input, "right", 1)] : [])],
    series: [{}, ...lines.map(seriesFor)],
    cursor: cursorFor(input),
    hooks: {
      init: [(plot) => attachGestures(plot, gesturesOf(input), () => input().wheelAlways)],
      setSelect: [(plot) => zoomToSelection(plot, input())],
      setCursor: [(plot) => input().cursorMoved(plot)],
      drawAxes: [(plot) => drawBands(plot, input())],
      draw: [
        (plot) => {
          const now = input();
          drawNotFinite(plot, now.lines.filter((line) => !line.raw));
          now.placed = drawMarkers(plot, now.markers);
        },
      ],
    },
  };
}

// The newest input, whenever a gesture ends.
const gesturesOf = (input: () => PlotInput): GestureTarget => ({
  setX: (range, moving) => input().setX(range, moving),
  setY: (range) => input().setY(range),
  reset: () => input().reset(),
  back: () => input().back(),
});

function scalesFor(input: () => PlotInput): uPlot.Scales {
  const { xMode, log, logX, lines } = input();
  const scales: uPlot.Scales = {
    x: { time: xMode === "time", ...(logX ? { distr: 3 as const } : {}), range: (plot, min, max) => visibleX(plot, input(), min, max) },
    y: { ...(log ? { distr: 3 as const } : {}), range: (plot) => visibleY(plot, input()) },
  };
  if (lines.some((line) => line.scale === "right"))
    scales.right = { range: (_, min, max) => (min === null ? [0, 1] : (uPlot.rangeNum(0, max, 0.08, true) as [number, number])) };
  return scales;
}

function visibleX(plot: uPlot, { range, extent, logX }: PlotInput, min: number | null, max: number | null): [number, number] {
  if (range) return logX ? [Math.max(range.min, plot.data[0][0] ?? 1), range.max] : [range.min, range.max];
  if (extent) return [extent.min, extent.max];
  if (min === null || max === null) return [1, 2];
  if (min < max) return [min, max];
  return logX ? [min / 2, max * 2] : [min - 1, max + 1];
}

// Of the values in sight.
function visibleY(plot: uPlot, input: PlotInput): [number, number] {
  if (input.yZoom) return [input.yZoom.min, input.yZoom.max];
  const { min: from = -Infinity, max: to = Infinity } = input.range ?? {};
  const hasRaw = ({ id, raw }: DrawnLine) => !raw && input.lines.some((other) => other.raw && other.id === id);
  const lines = input.lines.flatMap((line, i): number[][] => {
    if (line.scale === "right" || plot.series[i + 1]?.show === false || hasRaw(line)) return [];
    const values: number[] = [];
    const take = (x: number, y: number) => {
      if (x >= from && x <= to && !(input.log && y <= 0)) values.push(y);
    };
    line.points.x.forEach((x, at) => take(x, line.points.y[at]!));
    line.band?.x.forEach((x, at) => [line.band!.low[at]!, line.band!.high[at]!].forEach((y) => take(x, y)));
    return [values];
  });
  const found = rangeOf(lines, input);
  if (!found) return input.log ? [0.1, 1] : [0, 1];
  if (input.log) return found.min < found.max ? [found.min / 1.15, found.max * 1.15] : [found.min / 2, found.max * 2];
  const [min, max] = [input.fromZero ? Math.min(0, found.min) : found.min, found.max];
  const pad = max - min > Math.abs(max) * kLeastSpan ? (max - min) * kPad : Math.abs(max) * 0.1 || 1;
  return [input.fromZero && min === 0 ? 0 : min - pad, max + pad];
}

// A logarithm has room for what ran away. What is left out is counted, also while all is shown.
function rangeOf(lines: number[][], { log, clip, whole, outside }: PlotInput): YRange | null {
  const found = log && !clip ? yRange([lines.flat()], false) : yRange(lines, clip);
  outside(found?.outside ?? 0);
  return whole ? yRange([lines.flat()], false) : found;
}

const axisLook = (): Partial<uPlot.Axis> => ({
  font: kFont,
  stroke: cssColour("muted"),
  ticks: { show: false },
  gap: 6,
});

function xAxis(input: () => PlotInput): uPlot.Axis {
  const { xMode } = input();
  const incrs = tickIncrements(xMode);
  return {
    ...axisLook(),
    scale: "x",
    side: 2,
    size: 26,
    space: 64,
    grid: { stroke: cssColour("grid"), width: 1 },
    ...(incrs && !input().logX ? { incrs } : {}),
    values: (_, splits, __, ___, increment) => splits.map((value) => (value === null ? "" : tickText(xMode, value, increment))),
  };
}

const saysFinite = (lines: readonly DrawnLine[]): boolean => lines.some(({ points }) => points.y.some(Number.isFinite));

function yAxis(input: () => PlotInput, scale: "y" | "right", side: 1 | 3): uPlot.Axis {
  const { lines, log, height } = input();
  const line = lines.find((one) => (one.scale ?? "y") === scale);
  const text = line?.axisFormat ?? line?.format ?? number;
  const splits = log && scale === "y" ? logSplits : linearSplits;
  return {
    ...axisLook(),
    scale,
    side,
    size: 54,
    grid: { show: side !== 1, stroke: cssColour("grid"), width: 1 },
    incrs: (_, __, min, max) => [Math.max(5, max - min)], // one that uPlot takes; the lines are ours
    splits: (_, __, min, max) => splits(min, max, Math.floor(height / kYSpace)),
    filter: (_, shown) => shown,
    // Where nothing is finite, no value has a place on the axis.
    values: (_, shown) => shown.map((value) => (value === null || !saysFinite(input().lines) ? "" : text(value))),
  };
}

function seriesFor(line: DrawnLine): uPlot.Series {
  const colour = cssColour(line.colour);
  return {
    label: line.label,
    scale: line.scale ?? "y",
    stroke: line.raw ? `${colour}59` : colour,
    width: line.raw ? 1 : 1.75,
    spanGaps: true,
    points: { show: line.dots === true, size: 5, fill: colour },
    ...(line.dash ? { dash: [...line.dash] } : {}),
    ...(line.stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
  };
}

const onlyMoves = (type: string): boolean => type === "mousemove" || type === "mouseleave";

// The cursor is shared by all charts; what is selected is not.
function cursorFor(input: () => PlotInput): uPlot.Cursor {
  return {
    y: false,
    points: { size: 6 },
    drag: { x: true, y: true, uni: 30, setScale: false },
    sync: { key: `x-${input().xMode}`, scales: ["x", null], filters: { pub: onlyMoves, sub: onlyMoves } },
    bind: {
      mousedown: (plot, _, handle) => (event) => {
        if (!panByMouse(plot, gesturesOf(input), event)) handle(event);
        return null;
      },
      dblclick: () => () => {
        input().reset();
        return null;
      },
    },
  };
}

// A wide selection is a range of x, a high one a range of y, both are both.
function zoomToSelection(plot: uPlot, input: PlotInput): void {
  const { left, top, width, height } = plot.select;
  const whole = { x: plot.over.clientWidth, y: plot.over.clientHeight };
  if (width < 4 && height < 4) return;
  const x = { min: plot.posToVal(left, "x"), max: plot.posToVal(left + width, "x") };
  const y = { min: plot.posToVal(top + height, "y"), max: plot.posToVal(top, "y") };
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (height >= 4 && height < whole.y) input.setY(y);
  if (width >= 4 && width < whole.x) input.setX(x, false);
}

function drawBands(plot: uPlot, { lines }: PlotInput): void {
  const columns = plot.over.clientWidth / 2;
  for (const line of lines) {
    if (line.band && !line.raw) drawBand(plot, line.band, line.scale ?? "y", cssColour(line.colour));
    if (!line.raw || line.band) continue;
    const band = bandOf(line.points, columns, (x) => plot.valToPos(x, "x") / 2);
    if (band) drawBand(plot, band, line.scale ?? "y", cssColour(line.colour));
  }
}
