// Which rows of a long list are near the window: only they are made.
import { useEffect, useState } from "preact/hooks";

const kOver = 8; // rows beyond each edge
const kAtOnce = 8; // rows that come and go together, so that few scroll events make any

export interface VirtualWindow {
  first: number;
  end: number; // one past the last
}

const down = (row: number): number => Math.floor(row / kAtOnce) * kAtOnce;

export function windowOf(top: number, height: number, rowHeight: number, rows: number): VirtualWindow {
  const first = Math.max(0, Math.min(rows, down(Math.floor(-top / rowHeight) - kOver)));
  const end = Math.max(first, Math.min(rows, down(Math.ceil((height - top) / rowHeight) + kOver + kAtOnce - 1)));
  return { first, end };
}

// `box` is the whole list, rows * rowHeight pixels high.
export function useVirtualRows(box: { current: HTMLElement | null }, rows: number, rowHeight: number): VirtualWindow {
  const [shown, setShown] = useState<VirtualWindow>({ first: 0, end: Math.min(rows, 40) });
  useEffect(() => {
    const look = () => {
      const top = box.current?.getBoundingClientRect().top ?? 0;
      const next = windowOf(top, innerHeight, rowHeight, rows);
      setShown((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [rows, rowHeight]);
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
