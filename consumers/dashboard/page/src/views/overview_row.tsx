// One trainer in the list; rendered again only when something in it changed.
import { Component } from "preact";
import { diverged } from "../divergence";
import { count, kNone, notFinite } from "../format";
import { onlySteps, type Column } from "../overview_columns";
import type { Trainer } from "../protocol";
import { sessionId, trainerHref } from "../route";
import { shortIncarnation, trainerKey, type ShownState } from "../trainer_state";
import { ProgressBar } from "./progress";
import { Sparkline } from "./sparkline";
import { StateBadge, stateClass } from "./state_badge";

export interface RowProps {
  trainer: Trainer;
  state: ShownState;
  columns: readonly Column[];
  heartbeat: string;
  alerts: number; // that stand
  twin: boolean; // several incarnations of its name are in the list
  selected: boolean;
  top: number; // pixels
  index: number; // from 1
  select: (id: string, range: boolean) => void;
}

export class OverviewRow extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((key) => next[key] !== this.props[key]);
  }

  render({ trainer, state, columns, heartbeat, alerts, twin, selected, top, index, select }: RowProps) {
    const id = trainerKey(trainer);
    const lost = diverged(trainer);
    return (
      <div
        class={`row ${stateClass(state)}${lost === null ? "" : " diverged"}${selected ? " selected" : ""}`}
        style={{ transform: `translateY(${top}px)` }}
        role="row"
        aria-rowindex={index}
        data-testid="trainer-row"
        data-session={id}
      >
        <span role="cell" class="cell-check">
          <label>
            <input type="checkbox" checked={selected} aria-label={`Select ${id}`} data-testid="select" onClick={(event) => select(id, event.shiftKey)} />
          </label>
        </span>
        {columns.map((column) => (
          <Cell key={column.id} column={column} trainer={trainer} state={state} heartbeat={heartbeat} alerts={alerts} twin={twin} lost={lost} />
        ))}
      </div>
    );
  }
}

type CellProps = Pick<RowProps, "trainer" | "state" | "heartbeat" | "alerts" | "twin"> & { column: Column; lost: number | null };

function Cell({ column, trainer, state, heartbeat, alerts, twin, lost }: CellProps) {
  switch (column.id) {
    case "state":
      return (
        <span role="cell" class="cell-state">
          <StateBadge state={state} />
          {lost !== null && (
            <span class="badge bad-badge" data-testid="row-diverged" title={trainer.not_finite ? `${trainer.not_finite.name} since step ${count(trainer.not_finite.step)}` : undefined}>
              {notFinite(lost)}
            </span>
          )}
          {alerts > 0 && (
            <span class="badge bad-badge" title={`${alerts} alerts`}>
              {alerts} ⚠
            </span>
          )}
        </span>
      );
    case "name": {
      const id = sessionId(trainer);
      return (
        <span role="cell" class="cell-name">
          <a class="name" href={trainerHref(trainer)} title={id}>
            <span class="run">{trainer.run}/</span>
            <span class="own-name">{trainer.trainer}</span>
            {twin && (
              <span class="badge bad-badge" data-testid="row-twin" title="Several trainers of this name at once">
                twin @{shortIncarnation(trainer.incarnation)}
              </span>
            )}
          </a>
          <span class="sub">{[trainer.model, trainer.dataset].filter(Boolean).join(" · ") || trainer.status_message}</span>
        </span>
      );
    }
    case "progress":
      return (
        <span role="cell" class="cell-progress">
          <ProgressText trainer={trainer} />
          <ProgressBar trainer={trainer} />
        </span>
      );
    case "spark":
      return (
        <span role="cell" class="cell-spark">
          <Sparkline values={trainer.sparkline} />
        </span>
      );
    default: {
      const bad = column.id === "loss" && lost !== null;
      return (
        <span role="cell" class={bad ? "num bad" : "num"}>
          <span class="label">{column.title}</span>
          {column.id === "heartbeat" ? heartbeat : column.text!(trainer)}
        </span>
      );
    }
  }
}

function ProgressText({ trainer }: { trainer: Trainer }) {
  if (trainer.epoch === null && !trainer.step) return <span class="progress-text dim">no batch yet</span>;
  if (onlySteps(trainer)) return <span class="progress-text">step {count(trainer.step)}</span>;
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
