// The values under the cursor, else the newest ones. Written straight into the page: it follows the mouse.
import type uPlot from "uplot";
import { number } from "../format";
import type { Timeline, XMode } from "../timeline";
import { nearest, type DrawnLine, type Line } from "./line";
import { placeText } from "./x_axis";

export function writeLegend(
  plot: uPlot,
  box: HTMLElement | null,
  lines: readonly Line[],
  drawn: readonly DrawnLine[],
  { xMode, timeline }: { xMode: XMode; timeline: Timeline },
): void {
  if (!box) return;
  const { idx } = plot.cursor;
  const x = idx === null || idx === undefined ? undefined : plot.data[0][idx];
  const values = box.querySelectorAll(".legend-item > b");
  const raws = box.querySelectorAll(".legend-item > small");
  lines.forEach((line, i) => {
    const { format = number } = line;
    const shown = drawn.find((one) => one.id === line.id && !one.raw)!;
    const at = x === undefined ? line.points.x.length - 1 : nearest(line.points.x, x);
    const raw = line.points.y[at] ?? null;
    const value = shown.points.y[at] ?? null;
    if (values[i]) values[i]!.textContent = format(value);
    if (raws[i]) raws[i]!.textContent = shown.points === line.points || raw === value ? "" : `raw ${format(raw)}`;
  });
  const place = plot.root.parentElement?.querySelector(".place");
  if (place) place.textContent = x === undefined ? "" : placeText(xMode, x, timeline);
}
