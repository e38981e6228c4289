// Vertical marks on a chart: at which step somebody changed what, an alert was raised, a later incarnation went on.
import type uPlot from "uplot";
import { cssColour } from "../theme";
import { placeMarkers, type Marker, type MarkerKind, type PlacedMarker } from "./marker_layout";

const kRowHeight = 14;
const kNear = 6; // CSS pixels between a marker and the cursor that shows it

export const markerColours: Record<MarkerKind, string> = { edit: "marker", alert: "bad", resumed: "muted" };

// What was drawn, with places in canvas pixels.
export function drawMarkers(plot: uPlot, markers: readonly Marker[]): PlacedMarker[] {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio || 1;
  ctx.save();
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  const rows = Math.max(0, Math.min(3, Math.floor((plot.height - 100) / 40)));
  const placed = placeMarkers(
    markers,
    (x) => Math.round(plot.valToPos(x, "x", true)),
    (text) => ctx.measureText(text).width,
    { left: bbox.left, right: bbox.left + bbox.width, rows },
  );
  for (const { at, kind } of placed) drawLine(ctx, at, bbox, markerColours[kind], scale);
  for (const { kind, text, row, left } of placed) {
    if (row >= 0) drawText(ctx, text, left, bbox.top + (2 + row * kRowHeight) * scale, markerColours[kind], scale);
  }
  ctx.restore();
  return placed;
}

function drawLine(ctx: CanvasRenderingContext2D, x: number, { top, height }: uPlot.BBox, colour: string, scale: number): void {
  ctx.strokeStyle = cssColour(colour);
  ctx.lineWidth = scale;
  ctx.setLineDash([3 * scale, 3 * scale]);
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
}

// On a rim of the panel's colour: neither curves nor other markers strike it through.
function drawText(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, colour: string, scale: number): void {
  ctx.strokeStyle = cssColour("panel");
  ctx.lineWidth = 4 * scale;
  ctx.lineJoin = "round";
  ctx.setLineDash([]);
  ctx.strokeText(text, x, y);
  ctx.fillStyle = cssColour(colour);
  ctx.fillText(text, x, y);
}

// What the markers under the cursor say; `left` in CSS pixels of the plot's area.
export function markersAt(plot: uPlot, placed: readonly PlacedMarker[], left: number): string {
  const scale = devicePixelRatio || 1;
  const near = placed.find(({ at }) => Math.abs((at - plot.bbox.left) / scale - left) <= kNear);
  return near ? near.markers.map(({ label }) => label).join("\n") : "";
}
