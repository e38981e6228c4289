// One uPlot chart: its lines, markers, zoom by drag, a legend that follows the cursor. uPlot draws on its own canvas;
// this component only hands over data and rebuilds the plot when its shape or the theme changes.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { count, notFinite, number } from "../format";
import type { Axis, Points } from "../protocol";
import { aligned } from "../series";
import { cssColour, type Theme } from "../theme";
import { drawMarkers, type Marker } from "./markers";
import { drawNotFinite, firstNotFinite } from "./not_finite";

export interface Line {
  label: string;
  colour: string; // name of a CSS colour variable
  points: Points;
  dashed?: boolean;
  faint?: boolean; // the background of another line
  stepped?: boolean;
  dots?: boolean;
  scale?: "y" | "right";
  format?: (value: number | null) => string;
  axisFormat?: (value: number | null) => string; // else format
}

export interface ChartProps {
  title: string;
  testId: string;
  height: number;
  xName: Axis;
  lines: Line[];
  theme: Theme;
  range: { min: number; max: number } | null;
  onZoom: (range: { min: number; max: number } | null) => void;
  markers?: Marker[];
  fromZero?: boolean;
  log?: boolean;
}

// Steps and epochs are whole numbers.
const kWholeSteps = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const kFont = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([props.theme, props.log, props.lines.map(({ points, format, axisFormat, ...line }) => line)]);
  const empty = props.lines.every((line) => line.points.x.length === 0);
  const odd = firstNotFinite(props.lines);

  useLayoutEffect(() => {
    if (empty) return;
    const made = new uPlot(optionsFor(latest, box.current!.clientWidth, legend), columnsOf(props.lines), box.current!);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      const width = box.current?.clientWidth ?? 0;
      if (width > 0 && width !== made.width) made.setSize({ width, height: latest.current.height });
    });
    observer.observe(box.current!);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, empty]);

  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    made.setData(columnsOf(props.lines));
    writeLegend(made, legend.current, props.lines);
  });

  return (
    <section class="panel chart" data-testid={props.testId} data-points={props.lines[0]?.points.x.length ?? 0} aria-label={props.title}>
      <header>
        <h3>{props.title}</h3>
        <div class="legend" ref={legend}>
          {props.lines.map((line) => (
            <span key={line.label} class="legend-item">
              <i class={line.dashed ? "swatch dashed" : "swatch"} style={{ borderColor: `var(--${line.colour})`, opacity: line.faint ? 0.5 : 1 }} />
              {line.label} <b>–</b>
            </span>
          ))}
        </div>
        {odd && (
          <span class="not-finite" data-testid="not-finite" title={`${odd.line} is not a finite number there`}>
            {notFinite(odd.y)} at {props.xName} {count(odd.x)}
          </span>
        )}
        {props.range && (
          <button class="small" onClick={() => props.onZoom(null)} title="or double click">
            reset zoom
          </button>
        )}
      </header>
      <div class="plot" ref={box} style={{ height: `${props.height}px` }}>
        {empty && <p class="placeholder">no points yet</p>}
      </div>
    </section>
  );
}

// What uPlot draws: it has no place for a value that is not finite, which draws itself (not_finite.ts).
function columnsOf(lines: Line[]): uPlot.AlignedData {
  const [x, ...columns] = aligned(lines.map((line) => line.points));
  return [x, ...columns.map((column) => column.map((y) => (y === null || Number.isFinite(y) ? y : null)))];
}

function optionsFor(latest: { current: ChartProps }, width: number, legend: { current: HTMLDivElement | null }): uPlot.Options {
  const { lines, xName, height, fromZero, log } = latest.current;
  const axis = (scale: string, side: 0 | 1 | 2 | 3, line?: Line): uPlot.Axis => ({
    scale,
    side,
    font: kFont,
    stroke: cssColour("muted"),
    grid: { show: side !== 1, stroke: cssColour("grid"), width: 1 },
    ticks: { show: false },
    gap: 6,
    size: side === 2 ? 26 : 54,
    space: side === 2 ? 56 : 32,
    ...(scale === "x" ? { incrs: kWholeSteps } : {}),
    values: (_, splits) => splits.map((value) => (value === null ? "" : (line?.axisFormat ?? line?.format ?? number)(value))),
  });
  const hasRight = lines.some((line) => line.scale === "right");
  const yRange: uPlot.Scale.Range = (_, min, max) =>
    min === null || max === null ? [0, 1] : uPlot.rangeNum(fromZero ? 0 : min, max, 0.08, true) as [number, number];
  const scales: uPlot.Scales = {
    x: { time: false, range: (_, min, max) => visibleRange(latest.current.range, min, max) },
    y: log ? { distr: 3 } : { range: yRange },
  };
  if (hasRight) scales.right = { range: (_, min, max) => (min === null ? [0, 1] : (uPlot.rangeNum(0, max, 0.08, true) as [number, number])) };
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, hasRight ? 0 : 12, 0, 0],
    scales,
    axes: [
      axis("x", 2),
      axis("y", 3, lines.find((line) => line.scale !== "right")),
      ...(hasRight ? [axis("right", 1, lines.find((line) => line.scale === "right"))] : []),
    ],
    series: [{}, ...lines.map(seriesFor)],
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false },
      // The cursor is shared by all charts of one axis; selecting is not.
      sync: { key: xName, filters: { pub: onlyMoves, sub: onlyMoves } },
      bind: {
        dblclick: () => () => {
          latest.current.onZoom(null);
          return null;
        },
      },
    },
    hooks: {
      setSelect: [(plot) => zoomToSelection(plot, latest.current)],
      setCursor: [(plot) => writeLegend(plot, legend.current, latest.current.lines)],
      draw: [
        (plot) => {
          drawNotFinite(plot, latest.current.lines);
          drawMarkers(plot, latest.current.markers ?? []);
        },
      ],
    },
  };
}

const onlyMoves = (type: string): boolean => type === "mousemove" || type === "mouseleave";

function seriesFor(line: Line): uPlot.Series {
  const colour = cssColour(line.colour);
  return {
    label: line.label,
    scale: line.scale ?? "y",
    stroke: line.faint ? `${colour}59` : colour,
    width: line.faint ? 1 : 1.75,
    spanGaps: true,
    points: { show: line.dots === true, size: 5, fill: colour },
    ...(line.dashed ? { dash: [6, 4] } : {}),
    ...(line.stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
  };
}

function visibleRange(range: ChartProps["range"], min: number | null, max: number | null): [number, number] {
  if (range) return [range.min, range.max];
  if (min === null || max === null) return [0, 1];
  return min === max ? [min - 1, max + 1] : [min, max];
}

function zoomToSelection(plot: uPlot, props: ChartProps): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  const range = { min: plot.posToVal(left, "x"), max: plot.posToVal(left + width, "x") };
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  props.onZoom(range);
}

// The values under the cursor, else the latest ones. Written straight into the page: it follows the mouse.
function writeLegend(plot: uPlot, box: HTMLDivElement | null, lines: Line[]): void {
  const values = box?.querySelectorAll("b");
  if (!values) return;
  const { idx } = plot.cursor;
  const x = idx === null || idx === undefined ? undefined : plot.data[0][idx];
  lines.forEach((line, i) => {
    const { points } = line;
    const at = x === undefined ? points.y.length - 1 : points.x.indexOf(x);
    const value = points.y[at] ?? null;
    const cell = values[i];
    if (cell) cell.textContent = (line.format ?? number)(value);
  });
}
