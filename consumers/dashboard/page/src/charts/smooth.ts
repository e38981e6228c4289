// Exponential smoothing as TensorBoard and W&B have it: each value weighs `weight` times the next one's, and the first is
// not biased towards zero. Values that are not finite stay what they are, and are passed over.
export function smoothed(y: readonly number[], weight: number): number[] {
  if (weight <= 0) return [...y];
  let mean = 0;
  let weights = 0;
  return y.map((value) => {
    if (!Number.isFinite(value)) return value;
    weights = weights * weight + (1 - weight);
    const share = (1 - weight) / weights;
    mean += value * share - mean * share; // exactly nothing while the values are the same
    return mean;
  });
}
