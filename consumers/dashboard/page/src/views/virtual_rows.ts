// Which rows of a long list are near the window: only they are made.
import { useEffect, useState } from "preact/hooks";

const kOver = 8; // rows beyond each edge
const kAtOnce = 8; // rows that come and go together, so that few scroll events make any

export interface VirtualWindow {
  first: number;
  end: number; // one past the last
}

const down = (row: number): number => Math.floor(row / kAtOnce) * kAtOnce;

// Where each row begins, and where the last one ends.
export function offsetsOf(heights: readonly number[]): number[] {
  const offsets = [0];
  for (const height of heights) offsets.push(offsets.at(-1)! + height);
  return offsets;
}

// The last row that begins at or above so many pixels of the list.
function rowAt(offsets: readonly number[], pixels: number): number {
  let [low, high] = [0, offsets.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle]! <= pixels) low = middle;
    else high = middle - 1;
  }
  return low;
}

// `top`: of the list, in the window, which is `height` pixels high.
export function windowOf(top: number, height: number, offsets: readonly number[]): VirtualWindow {
  const rows = offsets.length - 1;
  const first = Math.max(0, Math.min(rows, down(rowAt(offsets, -top) - kOver)));
  const end = Math.max(first, Math.min(rows, down(rowAt(offsets, height - top) + 1 + kOver + kAtOnce - 1)));
  return { first, end };
}

// `box` is the whole list, as high as the last offset.
export function useVirtualRows(box: { current: HTMLElement | null }, offsets: readonly number[]): VirtualWindow {
  const rows = offsets.length - 1;
  const [shown, setShown] = useState<VirtualWindow>({ first: 0, end: Math.min(rows, 40) });
  useEffect(() => {
    const look = () => {
      const top = box.current?.getBoundingClientRect().top ?? 0;
      const next = windowOf(top, innerHeight, offsets);
      setShown((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [offsets]);
  return { first: Math.min(shown.first, rows), end: Math.min(shown.end, rows) };
}

// Whether the window is as narrow as CSS's own limit.
export function useNarrow(pixels: number): boolean {
  const [narrow, setNarrow] = useState(() => innerWidth <= pixels);
  useEffect(() => {
    const query = matchMedia(`(max-width: ${pixels}px)`);
    const changed = () => setNarrow(query.matches);
    query.addEventListener("change", changed);
    changed();
    return () => query.removeEventListener("change", changed);
  }, [pixels]);
  return narrow;
}
