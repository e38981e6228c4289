// Where a curve has more points than the screen has columns, what each column holds is a band from its lowest to its
// highest value.
import type uPlot from "uplot";
import type { Points } from "../protocol";

export interface Band {
  x: number[];
  low: number[];
  high: number[];
}

// null: there are fewer than two points a column, each can be seen. `column` gives the column of an x; x rises.
export function bandOf({ x, y }: Points, columns: number, column: (x: number) => number): Band | null {
  const inside = x.reduce((count, value) => count + (column(value) >= 0 && column(value) < columns ? 1 : 0), 0);
  if (inside < 2 * columns) return null;
  const band: Band = { x: [], low: [], high: [] };
  let current = -Infinity;
  x.forEach((value, i) => {
    const height = y[i]!;
    if (!Number.isFinite(height)) return;
    const at = Math.floor(column(value));
    const last = band.x.length - 1;
    if (at !== current || last < 0) {
      current = at;
      band.x.push(value);
      band.low.push(height);
      band.high.push(height);
      return;
    }
    band.low[last] = Math.min(band.low[last]!, height);
    band.high[last] = Math.max(band.high[last]!, height);
  });
  return band;
}

export function drawBand(plot: uPlot, band: Band, scale: string, colour: string): void {
  const { ctx, bbox } = plot;
  const path = new Path2D();
  const at = (i: number, y: number[]) => [plot.valToPos(band.x[i]!, "x", true), plot.valToPos(y[i]!, scale, true)] as const;
  for (let i = 0; i < band.x.length; i++) path.lineTo(...at(i, band.high));
  for (let i = band.x.length - 1; i >= 0; i--) path.lineTo(...at(i, band.low));
  path.closePath();
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.globalAlpha = 0.28;
  ctx.fillStyle = ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio || 1;
  ctx.stroke(path);
  ctx.fill(path);
  ctx.restore();
}
