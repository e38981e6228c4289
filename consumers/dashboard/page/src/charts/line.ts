// A line of a chart, as it is said and as it is drawn.
import type { Points } from "../protocol";
import type { Band } from "./band";
import { smoothed } from "./smooth";

export interface Line {
  id: string; // once in a chart
  label: string;
  colour: string; // name of a CSS colour variable
  points: Points; // never changed: another object when something changed
  total?: number; // points that there are; those here may be thinned
  smooth?: boolean; // may be smoothed
  dash?: readonly number[];
  stepped?: boolean;
  dots?: boolean;
  scale?: "y" | "right";
  earlier?: boolean; // of an earlier incarnation
  band?: Band; // around it, of what it is the mean of
  format?: (value: number | null) => string;
  axisFormat?: (value: number | null) => string; // else format
}

export interface DrawnLine extends Line {
  raw: boolean; // lies behind its smoothed line
}

const known = new WeakMap<Points, { weight: number; points: Points }>();

function smoothedPoints(points: Points, weight: number): Points {
  const before = known.get(points);
  if (before?.weight === weight) return before.points;
  const made = { x: points.x, y: smoothed(points.y, weight) };
  known.set(points, { weight, points: made });
  return made;
}

// Each smoothed line has its raw one behind it.
export function drawnLines(lines: readonly Line[], smoothing: number): DrawnLine[] {
  return lines.flatMap((line): DrawnLine[] => {
    if (!line.smooth || smoothing <= 0 || line.points.x.length < 3) return [{ ...line, raw: false }];
    return [{ ...line, raw: true }, { ...line, dots: false, raw: false, points: smoothedPoints(line.points, smoothing) }];
  });
}

// The index of the point that is nearest to x; -1: there is none.
export function nearest(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! < x) low = middle + 1;
    else high = middle;
  }
  if (low === xs.length) return low - 1;
  return low > 0 && x - xs[low - 1]! <= xs[low]! - x ? low - 1 : low;
}
