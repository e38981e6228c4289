// What can be taken along of a chart.
import type uPlot from "uplot";
import { useRef, useState } from "preact/hooks";
import type { Line } from "../charts/line";
import { tickText } from "../charts/x_axis";
import { copyText, download } from "../download";
import { csvOf, curlOf, fileName, pythonOf, svgOf, type ExportLine } from "../export";
import { number } from "../format";
import type { Session } from "../route";
import { cssColour } from "../theme";
import type { XMode } from "../timeline";

export interface TakeAlong {
  title: string;
  session: Session | null; // null: of several
  lines: Line[];
  xMode: XMode;
  log: boolean;
  logX: boolean;
  plot: () => uPlot | null;
}

const exported = (lines: readonly Line[]): ExportLine[] =>
  lines.map(({ label, id, colour, dash, points }) => ({ name: label || id, colour: cssColour(colour), points, ...(dash && { dash }) }));

export function ChartMenu(chart: TakeAlong) {
  const [said, setSaid] = useState("");
  const menu = useRef<HTMLDetailsElement>(null);
  const { title, session, lines, xMode } = chart;
  const names = lines.map(({ id }) => id);
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
            <button class="small" onClick={() => void copy(curlOf(origin, session, names))}>
              Copy as curl
            </button>
            <button class="small" onClick={() => void copy(pythonOf(origin, session, names))}>
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
function drawing({ title, lines, xMode, log, logX, plot }: TakeAlong): string | null {
  const made = plot();
  const { x, y } = made?.scales ?? {};
  if (!made || x?.min === undefined || x.max === undefined || y?.min === undefined || y.max === undefined) return null;
  const splits = (axis: number): number[] => ((made.axes[axis] as { _splits?: (number | null)[] } | undefined)?._splits ?? []).filter((value): value is number => value !== null);
  const [xs, ys] = [splits(0), splits(1)];
  const yText = lines[0]?.axisFormat ?? lines[0]?.format ?? number;
  return svgOf(
    {
      title, width: Math.max(480, made.width), height: made.height + 60, logX, logY: log,
      x: { min: x.min!, max: x.max! },
      y: { min: y.min!, max: y.max! },
      ticks: { x: xs.map((at) => [at, tickText(xMode, at, (xs[1] ?? 1) - (xs[0] ?? 0))]), y: ys.map((at) => [at, yText(at)]) },
      text: cssColour("text"), grid: cssColour("grid"), back: cssColour("panel"),
    },
    exported(lines.filter(({ scale }) => scale !== "right")),
  );
}

// The plot as it is on screen, on its background, below its title.
async function picture({ title, plot }: TakeAlong): Promise<Blob | null> {
  const made = plot();
  if (!made) return null;
  const { canvas } = made.ctx;
  const head = 30 * (devicePixelRatio || 1);
  const whole = document.createElement("canvas");
  whole.width = canvas.width;
  whole.height = canvas.height + head;
  const context = whole.getContext("2d")!;
  context.fillStyle = cssColour("panel");
  context.fillRect(0, 0, whole.width, whole.height);
  context.fillStyle = cssColour("text");
  context.font = `600 ${head * 0.45}px system-ui, sans-serif`;
  context.fillText(title, head * 0.3, head * 0.65);
  context.drawImage(canvas, 0, head);
  return new Promise((done) => whole.toBlob(done));
}
