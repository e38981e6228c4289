// Vertical marks on a chart: at which step somebody changed what.
import type uPlot from "uplot";
import { cssColour } from "../theme";

export interface Marker {
  x: number;
  label: string;
}

export function drawMarkers(plot: uPlot, markers: readonly Marker[]): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio || 1;
  const colour = cssColour("marker");
  const free = [-Infinity, -Infinity, -Infinity]; // where each row of labels has room again
  ctx.save();
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  for (const marker of [...markers].sort((a, b) => a.x - b.x)) {
    const x = Math.round(plot.valToPos(marker.x, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = scale;
    ctx.setLineDash([3 * scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(marker.label).width;
    const toLeft = x + width + 8 * scale > bbox.left + bbox.width;
    const start = toLeft ? x - width - 5 * scale : x + 5 * scale;
    const row = free.findIndex((edge) => edge <= start);
    if (row < 0) continue; // the line stays
    ctx.fillText(marker.label, start, bbox.top + (2 + row * 14) * scale);
    free[row] = Math.max(start + width, x) + 8 * scale;
  }
  ctx.restore();
}
