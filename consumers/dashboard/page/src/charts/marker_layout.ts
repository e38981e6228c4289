// Places the markers of a chart so that no two labels overlap: what lies too close together becomes one marker with a
// count, and a label without room is left to the cursor.
export type MarkerKind = "edit" | "alert" | "resumed";
export interface Marker {
  x: number;
  label: string;
  kind: MarkerKind;
}

export interface PlacedMarker {
  at: number; // pixels
  kind: MarkerKind; // the gravest of its markers
  markers: Marker[]; // at least one
  text: string;
  row: number; // of its label; -1: no room
  left: number; // of its label, pixels
}

const kTooClose = 7; // pixels
const kGap = 8;
const gravity: Record<MarkerKind, number> = { resumed: 0, edit: 1, alert: 2 };

export function placeMarkers(
  markers: readonly Marker[],
  position: (x: number) => number,
  measure: (text: string) => number,
  area: { left: number; right: number; rows: number },
): PlacedMarker[] {
  const seen = markers
    .map((marker) => ({ marker, at: position(marker.x) }))
    .filter(({ at }) => at >= area.left && at <= area.right)
    .sort((a, b) => a.at - b.at);
  const groups: { at: number; markers: Marker[] }[] = [];
  for (const { marker, at } of seen) {
    const last = groups.at(-1);
    if (last && at - last.at < kTooClose) last.markers.push(marker);
    else groups.push({ at, markers: [marker] });
  }
  const free = new Array<number>(area.rows).fill(-Infinity);
  return groups.map(({ at, markers }) => {
    const kind = markers.reduce<MarkerKind>((worst, one) => (gravity[one.kind] > gravity[worst] ? one.kind : worst), "resumed");
    const text = markers.length === 1 ? markers[0]!.label : together(markers);
    const width = measure(text);
    const left = at + kGap + width > area.right ? at - width - kGap / 2 : at + kGap / 2;
    const row = left < area.left ? -1 : free.findIndex((edge) => edge <= left);
    if (row >= 0) free[row] = Math.max(left + width, at) + kGap;
    return { at, kind, markers, text, row, left };
  });
}

// How many, and what their labels or at least their kinds have in common.
const manyOf: Record<MarkerKind, string> = { edit: "edits", alert: "alerts", resumed: "incarnations" };
function together(markers: readonly Marker[]): string {
  const words = new Set(markers.map(({ label }) => label.split(" ", 1)[0]!));
  const kinds = new Set(markers.map(({ kind }) => kind));
  if (words.size === 1) return `${markers.length}× ${[...words][0]!}`;
  return `${markers.length} ${kinds.size === 1 ? manyOf[[...kinds][0]!] : "events"}`;
}
