// One chart: title, legend that follows the cursor, buttons, and the plot. uPlot draws on its own canvas; this component
// hands over data, and makes the plot anew only when its shape or the theme changes.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { count, notFinite, number } from "../format";
import type { Theme } from "../theme";
import type { Range, Timeline, XMode } from "../timeline";
import { drawnLines, type Line } from "./line";
import { writeLegend } from "./legend";
import type { Marker } from "./marker_layout";
import { markersAt } from "./markers";
import { firstNotFinite } from "./not_finite";
import { columnsOf, optionsFor, type PlotInput } from "./plot";
import { placeText } from "./x_axis";

export interface ChartProps {
  title: string;
  testId: string;
  height: number;
  xMode: XMode;
  timeline: Timeline;
  lines: Line[];
  theme: Theme;
  range: Range | null;
  yZoom: Range | null; // of the y axis; null: what the values need
  setYZoom: (range: Range | null) => void;
  extent: Range | null; // shown while there is no range; null: all of this chart
  setRange: (range: Range | null, moving: boolean) => void;
  back: () => void;
  smoothing: number;
  clip: boolean;
  logX: boolean;
  log: boolean;
  full: boolean;
  markers?: Marker[];
  fromZero?: boolean;
  // Right in the head; `plot` is what is drawn now.
  buttons?: (plot: () => uPlot | null) => ComponentChildren;
}

export function Chart(props: ChartProps) {
  const { yZoom, setYZoom } = props;
  const [outside, setOutside] = useState(0);
  const [whole, setWhole] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLSpanElement>(null);
  const plot = useRef<uPlot | null>(null);
  const drawn = drawnLines(props.lines, props.smoothing);
  const input = useRef<PlotInput>(null as unknown as PlotInput);
  input.current = {
    ...props,
    lines: drawn,
    yZoom,
    whole,
    markers: props.markers ?? [],
    fromZero: props.fromZero ?? false,
    wheelAlways: props.full,
    placed: input.current?.placed ?? [],
    setX: props.setRange,
    setY: setYZoom,
    outside: setOutside,
    reset() {
      const anything = props.range !== null || yZoom !== null;
      if (yZoom) setYZoom(null);
      props.setRange(null, false);
      return anything;
    },
    cursorMoved: (made) => showCursor(made, input.current, props.lines, legend.current, tip.current),
  };
  const shape = JSON.stringify([
    props.theme, props.log, props.logX, props.xMode, props.full,
    drawn.map(({ points, total, format, axisFormat, ...line }) => line),
  ]);
  useEffect(() => {
    if (!yZoom) return;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && !(event.target instanceof HTMLInputElement) && setYZoom(null);
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [yZoom !== null]);
  const empty = props.lines.every((line) => line.points.x.length === 0);
  const odd = firstNotFinite(props.lines);
  const thinned = props.lines.some(({ total, points }) => total !== undefined && total > points.x.length);

  useLayoutEffect(() => {
    if (empty) return;
    const made = new uPlot(optionsFor(() => input.current, box.current!.clientWidth), columnsOf(input.current), box.current!);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      const width = box.current?.clientWidth ?? 0;
      if (width > 0 && (width !== made.width || input.current.height !== made.height)) made.setSize({ width, height: input.current.height });
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
    made.setData(columnsOf(input.current));
    writeLegend(made, legend.current, props.lines, drawn, input.current);
  }, [shape, ...drawn.map((line) => line.points), props.range?.min, props.range?.max, props.extent?.max, yZoom?.min, yZoom?.max, whole, props.clip, props.markers?.length]);

  return (
    <section class={props.full ? "panel chart full" : "panel chart"} data-testid={props.testId} data-points={props.lines[0]?.points.x.length ?? 0} data-lines={props.lines.filter(({ points }) => points.x.length > 0).length} aria-label={props.title}>
      <header>
        <h2 title={props.title}>{props.title}</h2>
        <div class="legend" ref={legend}>
          {props.lines.map((line) => (
            <span key={line.id} class="legend-item">
              <i class={line.dash ? "swatch dashed" : "swatch"} style={{ borderColor: `var(--${line.colour})` }} />
              {line.label} <b>–</b> <small />
            </span>
          ))}
        </div>
        <span class="chart-notes">
          {odd && (
            <span class="not-finite" data-testid="not-finite" title={`${odd.line || props.title} is not a finite number there`}>
              {notFinite(odd.y)} at {placeText(props.xMode, odd.x, props.timeline)}
            </span>
          )}
          {outside > 0 && (
            <button class="small" data-testid="outside" aria-pressed={whole} title="Values beyond the y axis, which would press all others flat: show them too" onClick={() => setWhole(!whole)}>
              {count(outside)} outside
            </button>
          )}
          {props.log && lessThanZero(props.lines) > 0 && <span class="dim">{count(lessThanZero(props.lines))} at or below 0 not shown</span>}
          {thinned && <span class="dim thinned" title={`${count(props.lines[0]?.total ?? 0)} points are shown by the lowest and highest of each part; zoom in for all`}>min–max</span>}
          {yZoom && (
            <button class="small" onClick={() => setYZoom(null)} title="or double click">
              reset y
            </button>
          )}
          {props.buttons?.(() => plot.current)}
        </span>
      </header>
      <div class="plot" ref={box} style={{ height: `${props.height}px` }} role="group" aria-label={textOf(props)}>
        {empty && <p class="placeholder">no points yet</p>}
        <span class="place" data-testid="place" />
        <span class="marker-tip" ref={tip} />
      </div>
    </section>
  );
}

const lessThanZero = (lines: readonly Line[]): number =>
  lines.reduce((sum, { points, scale }) => sum + (scale === "right" ? 0 : points.y.filter((y) => y <= 0).length), 0);

function showCursor(plot: uPlot, input: PlotInput, lines: readonly Line[], legend: HTMLElement | null, tip: HTMLElement | null): void {
  writeLegend(plot, legend, lines, input.lines, input);
  if (!tip) return;
  const { left } = plot.cursor;
  tip.textContent = left !== undefined && left >= 0 ? markersAt(plot, input.placed, left) : "";
  if (tip.textContent) tip.style.left = `${Math.min(left! + plot.bbox.left / (devicePixelRatio || 1) + 8, plot.width - 140)}px`;
}

// What the chart shows, for who does not see it.
function textOf({ title, lines, xMode, timeline }: ChartProps): string {
  const parts = lines.map(({ label, points, format = number }) => {
    const finite = points.y.filter(Number.isFinite);
    const last = points.x.length - 1;
    if (last < 0) return `${label}: no points`;
    const [low, high] = [Math.min(...finite), Math.max(...finite)];
    const span = finite.length > 0 ? `, from ${format(low)} to ${format(high)}` : "";
    return `${label} ${format(points.y[last]!)} at ${placeText(xMode, points.x[last]!, timeline)}${span}`;
  });
  return `${title}. ${parts.join("; ")}. Arrow keys read values, plus and minus zoom.`;
}
