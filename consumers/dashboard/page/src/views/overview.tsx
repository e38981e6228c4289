// All trainers at a glance: what needs attention comes first.
import { useState } from "preact/hooks";
import { count, duration, kNone, loss, notFinite, number, percent, rate } from "../format";
import type { Page } from "../page";
import { endedStates, trainerStates, type Trainer, type TrainerState } from "../protocol";
import { sessionId, trainerHref } from "../route";
import { Empty } from "./empty";
import { ProgressBar } from "./progress";
import { Sparkline } from "./sparkline";
import { StateBadge, stateClass } from "./state_badge";

const needsAttention: readonly TrainerState[] = ["DEAD", "STALLED", "FAILED", "UNREACHABLE"];

// The loss that is no finite number any more; null while all are.
export function diverged({ loss, epoch_loss, validation_loss }: Trainer): number | null {
  return [loss, epoch_loss, validation_loss].find((value) => value !== null && !Number.isFinite(value)) ?? null;
}

export function sortedTrainers(trainers: Iterable<Trainer>, filter: string, only: TrainerState | null): Trainer[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (trainer: Trainer) => {
    const text = `${sessionId(trainer)} ${trainer.state} ${trainer.model} ${trainer.dataset}`.toLowerCase();
    return (only === null || trainer.state === only) && words.every((word) => text.includes(word));
  };
  const rank = (trainer: Trainer) => {
    if (needsAttention.includes(trainer.state)) return needsAttention.indexOf(trainer.state);
    return needsAttention.length + (diverged(trainer) === null ? 1 : 0);
  };
  const byName = new Intl.Collator("en", { numeric: true });
  return [...trainers]
    .filter(matches)
    .sort((a, b) => rank(a) - rank(b) || byName.compare(a.run, b.run) || byName.compare(a.trainer, b.trainer));
}

export function Overview({ page }: { page: Page }) {
  const { state } = page;
  const [filter, setFilter] = useState("");
  const [only, setOnly] = useState<TrainerState | null>(null);
  if (!state.listed) return <Loading />;
  if (state.trainers.size === 0) return <Empty broker={state.broker} />;
  const all = [...state.trainers.values()];
  const shown = sortedTrainers(all, filter, only);
  return (
    <div class="overview">
      <div class="toolbar">
        <h1>
          {count(all.length)} {all.length === 1 ? "trainer" : "trainers"}
        </h1>
        <div class="chips" role="group" aria-label="Filter by state">
          {trainerStates.map((name) => {
            const found = all.filter((trainer) => trainer.state === name).length;
            if (found === 0 && only !== name) return null;
            return (
              <button
                key={name}
                class={`chip ${stateClass(name)}`}
                aria-pressed={only === name}
                onClick={() => setOnly(only === name ? null : name)}
              >
                {name} <b>{found}</b>
              </button>
            );
          })}
        </div>
        <input
          type="search"
          placeholder="Filter by run, trainer, state, model"
          aria-label="Filter trainers"
          data-testid="filter"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </div>
      <div class="rows-head" aria-hidden="true">
        <span>State</span>
        <span>Trainer</span>
        <span>Progress</span>
        <span class="num">Loss</span>
        <span>last 60 batches</span>
        <span class="num">Accuracy</span>
        <span class="num">Batches/s</span>
        <span class="num">Learning rate</span>
        <span class="num">Heartbeat</span>
      </div>
      <ul class="rows">
        {shown.map((trainer) => (
          <Row key={sessionId(trainer)} trainer={trainer} page={page} />
        ))}
      </ul>
      {shown.length === 0 && <p class="placeholder">No trainer matches.</p>}
    </div>
  );
}

function Row({ trainer, page }: { trainer: Trainer; page: Page }) {
  const ended = endedStates.includes(trainer.state);
  const lost = diverged(trainer);
  const age = trainer.heartbeat_age_ms === null ? null : trainer.heartbeat_age_ms + page.now - page.state.heardAt;
  const text = [trainer.model, trainer.dataset, trainer.status_message].filter(Boolean).join(" · ");
  return (
    <li>
      <a class={`row ${stateClass(trainer.state)}${lost === null ? "" : " diverged"}`} href={trainerHref(trainer)} data-testid="trainer-row" data-session={sessionId(trainer)}>
        <span class="cell-state">
          <StateBadge state={trainer.state} />
          {lost !== null && (
            <span class="badge bad-badge" data-testid="diverged" title="a loss is not a finite number">
              {notFinite(lost)}
            </span>
          )}
        </span>
        <span class="cell-name">
          <span class="name">
            <span class="run">{trainer.run}/</span>
            {trainer.trainer}
          </span>
          <span class="sub">{text}</span>
        </span>
        <span class="cell-progress">
          <ProgressText trainer={trainer} />
          <ProgressBar trainer={trainer} />
        </span>
        <Value name="loss" text={loss(trainer.loss ?? trainer.epoch_loss)} bad={lost !== null} />
        <span class="cell-spark">
          <Sparkline values={trainer.sparkline} />
        </span>
        <Value name="accuracy" text={percent(trainer.accuracy)} />
        <Value name="batches/s" text={trainer.state === "ALIVE" ? rate(trainer.fps) : kNone} />
        <Value name="lr" text={number(trainer.learning_rate)} />
        <Value name="heartbeat" text={ended ? kNone : duration(age)} />
      </a>
    </li>
  );
}

function Value({ name, text, bad = false }: { name: string; text: string; bad?: boolean }) {
  return (
    <span class={bad ? "num bad" : "num"}>
      <span class="label">{name}</span>
      {text}
    </span>
  );
}

function ProgressText({ trainer }: { trainer: Trainer }) {
  return (
    <span class="progress-text">
      <span>
        epoch {count(trainer.epoch)}
        {trainer.total_epochs ? <span class="dim">/{count(trainer.total_epochs)}</span> : null}
      </span>
      <span class="dim">
        <span class="word">batch </span>
        {trainer.batch === null ? kNone : count(trainer.batch + 1)}
        {trainer.batches_per_epoch ? `/${count(trainer.batches_per_epoch)}` : ""}
      </span>
    </span>
  );
}

function Loading() {
  return (
    <div class="overview" aria-busy="true">
      <div class="toolbar">
        <h1 class="dim">Waiting for the list of trainers…</h1>
      </div>
      <ul class="rows">
        {[0, 1, 2].map((i) => (
          <li key={i} class="row skeleton" />
        ))}
      </ul>
    </div>
  );
}
