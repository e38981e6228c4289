// Bars whose area is the count: bins may have different widths.
import { count, number } from "../format";

const kWidth = 300;
const kHeight = 120;

export function HistogramView({ edges, counts }: { edges: readonly number[]; counts: readonly number[] }) {
  const low = edges[0] ?? 0;
  const high = edges.at(-1) ?? 1;
  const span = high - low || 1;
  const densities = counts.map((value, i) => value / (edges[i + 1]! - edges[i]! || 1));
  const tallest = Math.max(...densities, Number.MIN_VALUE);
  const total = counts.reduce((sum, value) => sum + value, 0);
  return (
    <div class="histogram">
      <svg viewBox={`0 0 ${kWidth} ${kHeight}`} preserveAspectRatio="none" role="img" aria-label={`${count(total)} values from ${number(low)} to ${number(high)}`}>
        {counts.map((value, i) => {
          const x = ((edges[i]! - low) / span) * kWidth;
          const width = ((edges[i + 1]! - edges[i]!) / span) * kWidth;
          const height = (densities[i]! / tallest) * (kHeight - 4);
          return (
            <rect key={i} x={x} y={kHeight - height} width={Math.max(width - Math.min(1, width / 8), 0.2)} height={height}>
              <title>
                {number(edges[i])} to {number(edges[i + 1])}: {number(value)}
              </title>
            </rect>
          );
        })}
      </svg>
      <div class="ends">
        <span>{number(low)}</span>
        <span class="dim">{number(total)} values</span>
        <span>{number(high)}</span>
      </div>
    </div>
  );
}
