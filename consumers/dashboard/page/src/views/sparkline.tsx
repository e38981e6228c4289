// The newest values at a glance. What is not finite is a tick at the bottom.
export function Sparkline({ values }: { values: readonly number[] }) {
  const finite = values.filter(Number.isFinite);
  if (values.length < 2) return <svg class="sparkline" viewBox="0 0 100 24" aria-hidden="true" />;
  const [low, high] = [Math.min(...finite) / 2, Math.max(...finite) / 2]; // halves: the distance of any two is a number
  const span = high - low || 1;
  const xOf = (i: number) => ((i * 100) / (values.length - 1)).toFixed(1);
  const points = values.flatMap((value, i) => (Number.isFinite(value) ? [[xOf(i), (22 - ((value / 2 - low) / span) * 20).toFixed(1)] as const] : []));
  const line = points.map(([x, y]) => `${x} ${y}`).join(" L");
  const ticks = values.flatMap((value, i) => (Number.isFinite(value) ? [] : [`M${xOf(i)} 24 V18`])).join(" ");
  return (
    <svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && <path class="area" d={`M${points[0]![0]} 24 L${line} L${points.at(-1)![0]} 24 Z`} />}
      {points.length > 1 && <path class="line" d={`M${line}`} />}
      {ticks && <path class="ticks" d={ticks} />}
    </svg>
  );
}
