// What the y axis shows: all values, or all but the outliers, or all but what ran away.
const kFewest = 20; // of fewer values none is an outlier
const kShare = 0.01; // left out at each end
const kFence = 20; // times the distance between the quartiles
const kHuge = 1e4; // what is smaller never ran away
const kTimes = 1000; // so much more than a line began with, and than lines usually say
const kBegin = 5; // values
const kMost = 8e307; // an axis from minus this to this has a length that is a number

export interface YRange {
  min: number;
  max: number;
  outside: number; // values that are not shown
}

// Of a chart's lines. What ran away is left out where there are other lines, which it would press flat. null: there is no
// finite value.
export function yRange(lines: readonly (readonly number[])[], clip: boolean): YRange | null {
  const finite = lines.map((line) => line.filter(Number.isFinite));
  const values = finite.flat();
  if (values.length === 0) return null;
  const tame = lines.length > 1 ? withoutRunaways(finite) : values;
  const shown = clip && tame.length >= kFewest ? withoutOutliers(tame) : endsOf(tame);
  const [min, max] = [bounded(shown.min), bounded(shown.max)];
  return { min, max, outside: values.reduce((count, value) => count + Number(value < min || value > max), 0) };
}

const bounded = (value: number): number => Math.min(kMost, Math.max(-kMost, value));

interface Ends {
  min: number;
  max: number;
}

const endsOf = (values: readonly number[]): Ends =>
  values.reduce(({ min, max }, value) => ({ min: Math.min(min, value), max: Math.max(max, value) }), { min: Infinity, max: -Infinity });

const rising = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();
const at = (sorted: Float64Array, share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
const sizesOf = (values: readonly number[]): number[] => values.map(Math.abs);

// A line that went from what is usual to a thousand times of it says nothing of the range, unless all did.
function withoutRunaways(lines: readonly number[][]): number[] {
  const said = lines.filter((line) => line.length > 0);
  if (said.every((line) => line.every((value) => Math.abs(value) <= kHuge))) return said.flat();
  const medians = said.map((line) => at(rising(sizesOf(line)), 0.5)).sort((a, b) => a - b);
  const begins = said.map((line) => at(rising(sizesOf(line.slice(0, kBegin))), 0.5));
  const usual = Math.max(medians[(medians.length - 1) >> 1]!, ...begins.filter((begin) => begin <= kHuge));
  const limit = Math.max(kHuge, usual * kTimes);
  const tame = said.filter((line) => line.every((value) => Math.abs(value) <= limit));
  return (tame.length > 0 ? tame : said).flat();
}

// What lies close to the bulk is no outlier.
function withoutOutliers(values: readonly number[]): Ends {
  const sorted = rising(values);
  const room = (at(sorted, 1 - kShare) - at(sorted, kShare)) / 4;
  const fence = (at(sorted, 0.75) - at(sorted, 0.25)) * kFence || Infinity;
  return {
    min: Math.max(sorted[0]!, at(sorted, kShare) - room, at(sorted, 0.25) - fence),
    max: Math.min(sorted.at(-1)!, at(sorted, 1 - kShare) + room, at(sorted, 0.75) + fence),
  };
}
