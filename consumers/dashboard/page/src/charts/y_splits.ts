// Where the y axis has its lines: uPlot knows no steps beyond 1e32, and on many decades it draws nine lines for each.
const kNice = [1, 2, 2.5, 5, 10];
const kDigits = 12; // a sum of steps is no further off

// At most about `most` round numbers from min to max.
export function linearSplits(min: number, max: number, most: number): number[] {
  const rough = (max - min) / Math.max(1, most);
  if (!(rough > 0)) return [min];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = kNice.find((digit) => digit * power >= rough * 0.999)! * power;
  const from = Math.ceil(min / step);
  const count = Math.floor(max / step) - from + 1;
  return Array.from({ length: count }, (_, i) => Number(((from + i) * step).toPrecision(kDigits)));
}

// Of a logarithmic axis: decades, with 2 and 5 between them where there are few, or only every so many decades.
export function logSplits(min: number, max: number, most: number): number[] {
  const decades = Math.log10(max / min);
  if (decades < 1) return linearSplits(min, max, most).filter((value) => value > 0);
  const digits = decades * 3 <= most ? [1, 2, 5] : [1];
  const every = Math.ceil(decades / Math.max(1, most));
  const splits: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power++) {
    if (power % every !== 0) continue;
    for (const digit of digits) splits.push(Number(`${digit}e${power}`));
  }
  return splits.filter((value) => value >= min && value <= max);
}
