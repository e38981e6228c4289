// The head of a group in the list: how many, in which states, and their losses together.
import { compareHref } from "../compare";
import { diverged } from "../divergence";
import { count, loss } from "../format";
import { spreadOf, statesOf, type GroupHead } from "../overview_groups";

interface Props {
  line: GroupHead;
  by: string;
  top: number; // pixels
  index: number; // from 1
  toggle: (group: string) => void;
}

export function GroupRow({ line: { group, open }, by, top, index, toggle }: Props) {
  const { name, trainers } = group;
  const spread = spreadOf(trainers.map((trainer) => trainer.loss ?? trainer.epoch_loss));
  const lost = trainers.filter((trainer) => diverged(trainer) !== null).length;
  const title = by.slice(by.indexOf(":") + 1);
  return (
    <div class="row group-row" style={{ transform: `translateY(${top}px)` }} role="row" aria-rowindex={index} data-testid="group-row" data-group={name}>
      <span role="cell">
        <button class="small" aria-expanded={open} aria-label={`${open ? "Close" : "Open"} ${title} ${name || "not said"}`} onClick={() => toggle(name)}>
          {open ? "▾" : "▸"}
        </button>
        <b class="group-name">
          <span class="dim">{title}</span> {name || "not said"}
        </b>
        <span>
          {count(trainers.length)} {trainers.length === 1 ? "trainer" : "trainers"}
        </span>
        <span class="dim">{statesOf(trainers)}</span>
        {spread && (
          <span>
            loss <b>{loss(spread.mean)}</b>
            {spread.high > spread.low && (
              <span class="dim">
                {" "}
                mean, {loss(spread.low)} to {loss(spread.high)}
              </span>
            )}
          </span>
        )}
        {lost > 0 && <b class="bad">{count(lost)} NaN</b>}
        <a class="button small" href={compareHref(trainers, by === "run" ? "run" : by.replace(/^parameter:/, ""))}>
          Compare
        </a>
      </span>
    </div>
  );
}
