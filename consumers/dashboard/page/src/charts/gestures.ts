// Moving and zooming a chart by wheel, drag, fingers and keys. Works on pixels, so that it is the same on a logarithmic
// axis. Selecting a range by a plain drag is uPlot's own.
import type uPlot from "uplot";
import type { Range } from "../timeline";

export interface GestureTarget {
  // `moving`: one of many small steps.
  setX(range: Range, moving: boolean): void;
  setY(range: Range): void;
  reset(): boolean; // false: there was nothing to reset
  back(): void;
}

const kWheelStrength = 0.0022;
const kKeyPan = 0.15; // of the width
const kKeyZoom = 0.7;
const kLeastPinch = 8; // pixels between two fingers

type AxisName = "x" | "y";

// What the pixels from..to of the plot's area show.
function rangeOf(plot: uPlot, axis: AxisName, from: number, to: number): Range {
  const [a, b] = [plot.posToVal(from, axis), plot.posToVal(to, axis)];
  return { min: Math.min(a, b), max: Math.max(a, b) };
}
const lengthOf = (plot: uPlot, axis: AxisName): number => (axis === "x" ? plot.over.clientWidth : plot.over.clientHeight);

// Grows (above 1) or shrinks what is shown, around a pixel.
const zoomed = (plot: uPlot, axis: AxisName, centre: number, factor: number): Range =>
  rangeOf(plot, axis, centre - centre * factor, centre + (lengthOf(plot, axis) - centre) * factor);
const panned = (plot: uPlot, axis: AxisName, by: number): Range => rangeOf(plot, axis, by, lengthOf(plot, axis) + by);

export function attachGestures(plot: uPlot, target: GestureTarget, always: () => boolean): void {
  const { over } = plot;
  over.addEventListener("wheel", (event) => onWheel(plot, target, event, always()), { passive: false });
  over.parentElement!.tabIndex = 0;
  over.parentElement!.addEventListener("keydown", (event) => onKey(plot, target, event));
  over.style.touchAction = "pan-y";
  attachFingers(plot, target);
}

// Without a key the page scrolls, unless the chart was clicked or fills the screen.
function onWheel(plot: uPlot, target: GestureTarget, event: WheelEvent, always: boolean): void {
  const { ctrlKey, metaKey, altKey, shiftKey } = event;
  const focused = plot.over.parentElement === document.activeElement;
  if (!(ctrlKey || metaKey || altKey || shiftKey || focused || always)) return;
  event.preventDefault();
  const by = event.deltaY || event.deltaX;
  if (shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return target.setX(panned(plot, "x", event.deltaX || event.deltaY), true);
  const factor = Math.exp(Math.max(-400, Math.min(400, by)) * kWheelStrength);
  const box = plot.over.getBoundingClientRect();
  if (altKey) return target.setY(zoomed(plot, "y", event.clientY - box.top, factor));
  target.setX(zoomed(plot, "x", event.clientX - box.left, factor), true);
}

function onKey(plot: uPlot, target: GestureTarget, event: KeyboardEvent): void {
  const width = lengthOf(plot, "x");
  const actions: Record<string, () => void> = {
    ArrowLeft: () => (event.shiftKey ? target.setX(panned(plot, "x", -width * kKeyPan), true) : moveCursor(plot, -1)),
    ArrowRight: () => (event.shiftKey ? target.setX(panned(plot, "x", width * kKeyPan), true) : moveCursor(plot, 1)),
    "+": () => target.setX(zoomed(plot, "x", cursorOr(plot, width / 2), kKeyZoom), true),
    "-": () => target.setX(zoomed(plot, "x", cursorOr(plot, width / 2), 1 / kKeyZoom), true),
    Backspace: () => target.back(),
    "0": () => void target.reset(),
  };
  const action = actions[event.key === "=" ? "+" : event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
}

const cursorOr = (plot: uPlot, otherwise: number): number => {
  const { left } = plot.cursor;
  return left !== undefined && left >= 0 ? left : otherwise;
};

// From point to point.
function moveCursor(plot: uPlot, by: 1 | -1): void {
  const xs = plot.data[0];
  const inside = (i: number) => xs[i]! >= plot.scales.x!.min! && xs[i]! <= plot.scales.x!.max!;
  const { idx } = plot.cursor;
  let next = idx === null || idx === undefined ? (by > 0 ? xs.findIndex((_, i) => inside(i)) : xs.length - 1) : idx + by;
  if (next < 0 || next >= xs.length || !inside(next)) next = idx ?? next;
  if (xs[next] === undefined) return;
  plot.setCursor({ left: plot.valToPos(xs[next]!, "x"), top: lengthOf(plot, "y") / 2 });
}

interface Finger {
  x: number; // pixels of the plot's area
  y: number;
}

// What the pixels from..to show, when the values that were under two fingers are under them again.
export function pinched(begin: { pixels: [number, number]; values: [number, number] }, now: [number, number], length: number): Range | null {
  const distance = now[1] - now[0];
  if (Math.abs(distance) < kLeastPinch || distance > 0 !== begin.pixels[1] - begin.pixels[0] > 0) return null;
  const perPixel = (begin.values[1] - begin.values[0]) / distance;
  const [a, b] = [begin.values[0] - now[0] * perPixel, begin.values[0] + (length - now[0]) * perPixel];
  return { min: Math.min(a, b), max: Math.max(a, b) };
}

// One finger reads values, two zoom and pan: x when they lie beside one another, y when above.
function attachFingers(plot: uPlot, target: GestureTarget): void {
  const { over } = plot;
  const fingers = new Map<number, Finger>();
  let start: { axis: AxisName; pixels: [number, number]; values: [number, number] } | null = null;
  const placeOf = (event: PointerEvent): Finger => {
    const box = over.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const pairOf = (axis: AxisName): [number, number] | null => {
    const [a, b] = [...fingers.values()];
    return a && b ? [a[axis], b[axis]] : null;
  };
  const begin = () => {
    const [x, y] = [pairOf("x"), pairOf("y")];
    if (!x || !y) return (start = null);
    const axis = Math.abs(x[1] - x[0]) >= Math.abs(y[1] - y[0]) ? "x" : "y";
    const pixels = axis === "x" ? x : y;
    return (start = { axis, pixels, values: [plot.posToVal(pixels[0], axis), plot.posToVal(pixels[1], axis)] });
  };
  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, placeOf(event));
    begin();
  });
  over.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const place = placeOf(event);
    fingers.set(event.pointerId, place);
    if (fingers.size === 1) return plot.setCursor({ left: place.x, top: place.y });
    const now = start && pairOf(start.axis);
    const range = now && pinched(start!, now, lengthOf(plot, start!.axis));
    if (!range) return;
    if (start!.axis === "x") target.setX(range, true);
    else target.setY(range);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"] as const)
    over.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      begin();
    });
}

// Shift and drag moves what is shown; for uPlot's `bind.mousedown`. True: it was taken.
export function panByMouse(plot: uPlot, target: GestureTarget, event: MouseEvent): boolean {
  if (!(event.shiftKey && event.button === 0) && event.button !== 1) return false;
  event.preventDefault();
  let last = event.clientX;
  const move = (moved: MouseEvent) => {
    target.setX(panned(plot, "x", last - moved.clientX), true);
    last = moved.clientX;
  };
  const up = () => {
    removeEventListener("mousemove", move);
    removeEventListener("mouseup", up);
  };
  addEventListener("mousemove", move);
  addEventListener("mouseup", up);
  return true;
}
