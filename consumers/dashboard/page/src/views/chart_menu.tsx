// What can be taken along of a chart.
import type uPlot from "uplot";
import { useRef, useState } from "preact/hooks";
import { drawnLines, type Line } from "../charts/line";
import type { Marker } from "../charts/marker_layout";
import { markerColours } from "../charts/markers";
import { tickText } from "../charts/x_axis";
import { copyText, download } from "../download";
import { csvOf, curlOf, fileName, pythonOf, type ExportLine } from "../export";
import { number } from "../format";
import type { Session } from "../route";
import { kLegendRow, legendOf, svgOf, type Scale } from "../svg";
import { cssColour } from "../theme";
import type { XMode } from "../timeline";

const kPictureHead = 26; // CSS pixels

export interface TakeAlong {
  title: string;
  session: Session | null; // null: of several
  login: boolean; // people log in here
  lines: Line[];
  xMode: XMode;
  log: boolean;
  logX: boolean;
  smoothing: number;
  markers: readonly Marker[];
  plot: () => uPlot | null;
  earlier?: () => void; // one place in its group
  later?: () => void;
}

const exported = (lines: readonly Line[]): ExportLine[] =>
  lines.map(({ label, id, colour, dash, points, band, scale }) => ({ name: label || id, colour: cssColour(colour), points, ...(dash && { dash }), ...(band && { band }), ...(scale === "right" && { right: true }) }));

export function ChartMenu(chart: TakeAlong) {
  const [said, setSaid] = useState("");
  const menu = useRef<HTMLDetailsElement>(null);
  const { title, session, lines, xMode } = chart;
  const names = lines.flatMap(({ id, earlier }) => (earlier ? [] : [id]));
  const origin = location.href.replace(/[?#].*$/, "").replace(/\/$/, "");
  const close = () => menu.current?.removeAttribute("open");
  const copy = async (text: string) => {
    setSaid((await copyText(text)) ? "copied" : "this browser lets no page of this address copy");
    setTimeout(() => setSaid(""), 2500);
  };
  const save = (ending: string, content: Blob) => {
    download(fileName(title, ending), content);
    close();
  };
  return (
    <details class="menu chart-menu" ref={menu} onKeyDown={(event) => event.key === "Escape" && (event.preventDefault(), close())}>
      <summary class="button small" aria-label={`Take ${title} along`} data-testid="chart-menu">
        ⋯
      </summary>
      <div class="panel menu-list">
        {chart.earlier && (
          <button class="small" data-testid="move-earlier" onClick={chart.earlier}>
            Move before the one before
          </button>
        )}
        {chart.later && (
          <button class="small" data-testid="move-later" onClick={chart.later}>
            Move behind the next one
          </button>
        )}
        <button class="small" data-testid="save-csv" onClick={() => save("csv", new Blob([csvOf(xMode, exported(lines))], { type: "text/csv" }))}>
          CSV of what is shown
        </button>
        <button class="small" data-testid="save-svg" onClick={() => drawing(chart) && save("svg", new Blob([drawing(chart)!], { type: "image/svg+xml" }))}>
          SVG
        </button>
        <button class="small" data-testid="save-png" onClick={() => void picture(chart).then((blob) => blob && save("png", blob))}>
          PNG
        </button>
        {session && (
          <>
            <button class="small" onClick={() => void copy(curlOf(origin, session, names, chart.login))}>
              Copy as curl
            </button>
            <button class="small" onClick={() => void copy(pythonOf(origin, session, names, chart.login))}>
              Copy as Python
            </button>
          </>
        )}
        <button class="small" onClick={() => void copy(location.href)}>
          Copy the link to this view
        </button>
        <span role="status" class="dim">
          {said}
        </span>
      </div>
    </details>
  );
}

// As it is zoomed now.
function drawing({ title, lines, xMode, log, logX, smoothing, markers, plot }: TakeAlong): string | null {
  const made = plot();
  if (!made) return null;
  const scaleOf = (key: string, axis: number, logarithmic: boolean, text: (value: number, step: number) => string): Scale | null => {
    const scale = made.scales[key];
    if (scale?.min === undefined || scale.max === undefined) return null;
    const splits = ((made.axes[axis] as { _splits?: (number | null)[] } | undefined)?._splits ?? []).filter((value): value is number => value !== null);
    const step = (splits[1] ?? 1) - (splits[0] ?? 0);
    return { min: scale.min!, max: scale.max!, log: logarithmic, ticks: splits.map((at) => [at, text(at, step)]) };
  };
  const textOf = (line: Line | undefined) => (at: number) => (line?.axisFormat ?? line?.format ?? number)(at);
  const onRight = lines.find(({ scale }) => scale === "right");
  const x = scaleOf("x", 0, logX, (at, step) => tickText(xMode, at, step));
  const y = scaleOf("y", 1, log, textOf(lines.find(({ scale }) => scale !== "right")));
  if (!x || !y) return null;
  const right = onRight ? scaleOf("right", 2, false, textOf(onRight)) : null;
  const marks = markers.map(({ x: at, label, kind }) => ({ x: at, text: label, colour: cssColour(markerColours[kind]) }));
  return svgOf(
    { title, width: Math.max(480, made.width), height: made.height + 60, x, y, right, marks, text: cssColour("text"), grid: cssColour("grid"), back: cssColour("panel") },
    drawnLines(lines, smoothing).map((line) => ({ ...exported([line])[0]!, ...(line.raw && { faint: true }) })),
  );
}

// The plot as it is on screen, on its background, below its title and the names of its lines.
async function picture({ title, lines, plot }: TakeAlong): Promise<Blob | null> {
  const made = plot();
  if (!made) return null;
  const { canvas } = made.ctx;
  const scale = devicePixelRatio || 1;
  const names = legendOf(exported(lines), title, canvas.width / scale);
  const head = kPictureHead + kLegendRow * ((names.at(-1)?.row ?? 0) + 1);
  const whole = document.createElement("canvas");
  whole.width = canvas.width;
  whole.height = canvas.height + head * scale;
  const context = whole.getContext("2d")!;
  context.fillStyle = cssColour("panel");
  context.fillRect(0, 0, whole.width, whole.height);
  context.drawImage(canvas, 0, head * scale);
  context.scale(scale, scale);
  const write = (text: string, font: string, colour: string, x: number, y: number) => {
    [context.font, context.fillStyle] = [`${font} system-ui, sans-serif`, colour];
    context.fillText(text, x, y);
  };
  write(title, "600 13px", cssColour("text"), 12, 18);
  for (const { text, colour, x, row } of names) write(text, "11px", colour, x, 35 + row * kLegendRow);
  return new Promise((done) => whole.toBlob(done));
}
