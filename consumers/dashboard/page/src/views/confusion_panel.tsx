// Which class is taken for which, live.
import { useState } from "preact/hooks";
import { count } from "../format";
import type { Watched } from "../state";
import { TableView } from "./table_view";

const kPairs = 8;

export function ConfusionPanel({ watched }: { watched: Watched }) {
  const [open, setOpen] = useState(false);
  const { confusion, plan } = watched;
  if (confusion.total === 0) return null;
  const names = plan?.classNames ?? [];
  const matrix = open ? confusion.matrix(names) : null;
  return (
    <section class="panel confusion" aria-label="Confusion matrix" data-testid="confusion" data-total={confusion.total}>
      <header>
        <button class="group-head" aria-expanded={open} onClick={() => setOpen(!open)}>
          <i class="caret" aria-hidden="true" />
          <b>Confusion</b>
          <span class="dim">last {count(confusion.counted)} predictions</span>
        </button>
      </header>
      {open && matrix && (
        <div class="confusion-body">
          <TableView columns={matrix.labels} rows={matrix.labels} values={matrix.values} />
          <p class="dim">rows: what it is; columns: what it was taken for</p>
        </div>
      )}
      {open && (
        <ul class="confused">
          {confusion.mostConfused(names, kPairs).map(({ truth, predicted, count: times }) => (
            <li key={`${truth} ${predicted}`}>
              {truth} taken for {predicted} <b>{count(times)}×</b>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
