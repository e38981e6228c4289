export function Sparkline({ values }: { values: readonly number[] }) {
  if (values.length < 2) return <svg class="sparkline" viewBox="0 0 100 24" aria-hidden="true" />;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const place = (value: number, i: number) =>
    `${((i * 100) / (values.length - 1)).toFixed(1)} ${(22 - ((value - low) * 20) / span).toFixed(1)}`;
  const line = values.map(place).join(" L");
  return (
    <svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={`M0 24 L${line} L100 24 Z`} />
      <path class="line" d={`M${line}`} />
    </svg>
  );
}
