// What the y axis shows: all values, or all but the outliers.
const kFewest = 20; // of fewer values none is an outlier
const kShare = 0.01; // left out at each end

export interface YRange {
  min: number;
  max: number;
  outside: number; // values that are not shown
}

// null: there is no finite value.
export function yRange(values: readonly number[], clip: boolean): YRange | null {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return null;
  const all = { min: least(finite), max: -least(finite.map((value) => -value)), outside: 0 };
  if (!clip || finite.length < kFewest) return all;
  const sorted = [...finite].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  // What lies close to the bulk is no outlier.
  const room = (at(1 - kShare) - at(kShare)) / 4;
  const min = Math.max(all.min, at(kShare) - room);
  const max = Math.min(all.max, at(1 - kShare) + room);
  return { min, max, outside: finite.filter((value) => value < min || value > max).length };
}

const least = (values: readonly number[]): number => values.reduce((low, value) => Math.min(low, value), Infinity);
