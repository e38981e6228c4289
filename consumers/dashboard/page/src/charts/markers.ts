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
  let free = -Infinity; // labels do not overlap: what finds no room keeps its line only
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
    if (start < free) continue;
    ctx.fillText(marker.label, start, bbox.top + 2 * scale);
    free = Math.max(start + width, x) + 8 * scale;
  }
  ctx.restore();
}
