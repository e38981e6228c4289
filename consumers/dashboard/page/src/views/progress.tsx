// How far a training is.
import { count, kNone } from "../format";
import { onlySteps, progressOf } from "../overview_columns";
import type { Trainer } from "../protocol";

export function ProgressBar({ trainer }: { trainer: Trainer }) {
  const done = progressOf(trainer);
  return (
    <span class="progress" role="progressbar" aria-label="Progress" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(done * 100)}>
      <i style={{ transform: `scaleX(${done.toFixed(4)})` }} />
    </span>
  );
}

// `offset`: steps that earlier incarnations did.
export function Progress({ trainer, offset }: { trainer: Trainer; offset: number }) {
  return (
    <span class="strip-progress">
      <span class="progress-text">
        {!onlySteps(trainer) && (
          <>
            <span>
              epoch <b>{count(trainer.epoch)}</b>
              <span class="dim">/{count(trainer.total_epochs)}</span>
            </span>
            <span>
              batch <b>{trainer.batch === null ? kNone : count(trainer.batch + 1)}</b>
              <span class="dim">/{count(trainer.batches_per_epoch)}</span>
            </span>
          </>
        )}
        <span>
          step <b data-testid="step">{count(trainer.step === null ? null : offset + trainer.step)}</b>
        </span>
      </span>
      <ProgressBar trainer={trainer} />
    </span>
  );
}
