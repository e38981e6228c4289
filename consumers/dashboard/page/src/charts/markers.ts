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
  ctx.lineWidth = scale;
  ctx.setLineDash([3 * scale, 3 * scale]);
  for (const { at, kind, text, row, left } of placed) {
    ctx.strokeStyle = ctx.fillStyle = cssColour(markerColours[kind]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    if (row >= 0) ctx.fillText(text, left, bbox.top + (2 + row * kRowHeight) * scale);
  }
  ctx.restore();
  return placed;
}

// What the markers under the cursor say; `left` in CSS pixels of the plot's area.
export function markersAt(plot: uPlot, placed: readonly PlacedMarker[], left: number): string {
  const scale = devicePixelRatio || 1;
  const near = placed.find(({ at }) => Math.abs((at - plot.bbox.left) / scale - left) <= kNear);
  return near ? near.markers.map(({ label }) => label).join("\n") : "";
}
