// Histograms of many steps on one grid: which share of the values of each step lies where.

export interface StepHistogram {
  step: number;
  edges: readonly number[]; // one more than counts, rising
  counts: readonly number[];
}

export interface HistogramGrid {
  steps: number[]; // a column each
  low: number; // the lowest and the highest edge beside a value
  high: number;
  shares: number[][]; // by column, then by row from the lowest: of the values of that step, their sum is 1
  fullest: number; // of all shares
}

// null: there is not one value in them.
export function gridOf(histograms: readonly StepHistogram[], rows: number): HistogramGrid | null {
  const filled = histograms.filter(({ counts }) => total(counts) > 0);
  const used = filled.flatMap(({ edges, counts }) => counts.flatMap((count, i) => (count > 0 ? [edges[i]!, edges[i + 1]!] : [])));
  if (used.length === 0) return null;
  const low = Math.min(...used);
  const high = Math.max(...used);
  const shares = filled.map((histogram) => column(histogram, low, high, rows));
  return { steps: filled.map(({ step }) => step), low, high, shares, fullest: Math.max(...shares.flat()) };
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

// Values of a bin are taken to lie evenly in it.
function column({ edges, counts }: StepHistogram, low: number, high: number, rows: number): number[] {
  const shares = new Array<number>(rows).fill(0);
  const all = total(counts);
  const height = (high - low) / rows;
  const rowOf = (value: number): number => (height > 0 ? Math.min(rows - 1, Math.max(0, Math.floor((value - low) / height))) : 0);
  counts.forEach((count, i) => {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    for (let row = rowOf(from); count > 0 && row <= rowOf(to); row++) {
      const begin = low + row * height;
      const overlap = to > from ? (Math.min(to, begin + height) - Math.max(from, begin)) / (to - from) : 1;
      shares[row]! += (Math.max(0, overlap) * count) / all;
      if (to <= from) break;
    }
  });
  return shares;
}

// So many of a list, evenly over it; the first and the last are among them.
export function spread<Item>(list: readonly Item[], atMost: number): Item[] {
  if (list.length <= atMost) return [...list];
  return Array.from({ length: atMost }, (_, i) => list[Math.round((i * (list.length - 1)) / (atMost - 1))]!);
}
