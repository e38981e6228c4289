// Losses that are no finite number any more: of the list, and of the curves of the watched trainer.
import type { NotFinite, Trainer } from "./protocol";
import { curveOf, type Watched } from "./state";

// The loss that is not finite now; null while all are.
export function diverged({ loss, epoch_loss, validation_loss }: Trainer): number | null {
  return [loss, epoch_loss, validation_loss].find((value) => value !== null && !Number.isFinite(value)) ?? null;
}

// What it is not, and since when.
export interface Divergence {
  name: string;
  value: number;
  axis: "step" | "epoch";
  since: number; // the first of the values at the end of the curve that are not finite
}

const losses = ["batch_loss", "epoch_loss", "validation_loss"] as const;
const words: Record<(typeof losses)[number], string> = { batch_loss: "loss", epoch_loss: "loss of the epoch", validation_loss: "validation loss" };

// null: the losses ended finite, even if they were not in between.
export function divergenceOf(watched: Watched, trainer: Trainer | null): Divergence | null {
  for (const name of losses) {
    const { x, y, axis } = curveOf(watched, name);
    let first = y.length;
    while (first > 0 && !Number.isFinite(y[first - 1])) first--;
    if (first < y.length) return { name: words[name], value: y[first]!, axis, since: x[first]! };
  }
  const value = trainer && diverged(trainer);
  const said: NotFinite | null = trainer?.not_finite ?? null;
  if (value === null || !said) return null;
  return { name: words[said.name as keyof typeof words] ?? said.name, value, axis: "step", since: said.step };
}
