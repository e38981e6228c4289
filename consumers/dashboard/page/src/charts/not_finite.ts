// Values that are not finite have no height on a chart: NaN and minus infinity are marked at the bottom edge, infinity at
// the top, in a colour that nothing else has.
import type uPlot from "uplot";
import type { Points } from "../protocol";
import { cssColour } from "../theme";

interface Line {
  label: string;
  points: Points;
}

export interface NotFinite {
  line: string;
  x: number;
  y: number;
}

// The first of any line; null when all values are finite.
export function firstNotFinite(lines: readonly Line[]): NotFinite | null {
  let first: NotFinite | null = null;
  for (const { label, points } of lines) {
    const at = points.y.findIndex((y) => !Number.isFinite(y));
    if (at >= 0 && (first === null || points.x[at]! < first.x)) first = { line: label, x: points.x[at]!, y: points.y[at]! };
  }
  return first;
}

export function drawNotFinite(plot: uPlot, lines: readonly Line[]): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio || 1;
  const size = 4 * scale;
  ctx.save();
  ctx.fillStyle = cssColour("bad");
  for (const { points } of lines) {
    let before = -Infinity;
    points.y.forEach((y, i) => {
      if (Number.isFinite(y)) return;
      const x = Math.round(plot.valToPos(points.x[i]!, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width || x - before < size) return;
      before = x;
      const up = y === Infinity;
      const tip = up ? bbox.top : bbox.top + bbox.height - 2 * size;
      ctx.beginPath();
      ctx.moveTo(x - size, tip + 2 * size);
      ctx.lineTo(x + size, tip + 2 * size);
      ctx.lineTo(x, tip);
      ctx.closePath();
      ctx.fill();
    });
  }
  ctx.restore();
}
