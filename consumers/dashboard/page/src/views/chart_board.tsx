// All charts of one trainer: pinned ones first, then group by group, all over one x.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { gridFor } from "../charts/board_grid";
import { chartsOf, grouped, isNamedValue, kMachine, kTraining, type ChartGroup, type ChartSpec } from "../charts/catalogue";
import { toggled } from "../chart_settings";
import { count } from "../format";
import type { Page } from "../page";
import { endedStates } from "../protocol";
import { sessionId } from "../route";
import type { Watched } from "../state";
import { markersOf } from "../watched_markers";
import { ChartCard, type CardSurroundings } from "./chart_card";
import { ChartTools, useEscape } from "./chart_tools";

const kShownAtOnce = 12; // charts of one group; the rest on demand

export function ChartBoard({ page, watched }: { page: Page; watched: Watched }) {
  const { charts } = page;
  const { settings } = charts;
  useEscape(page);
  const names = [...watched.series.keys()];
  const all = useMemo(() => chartsOf(names), [names.join("\n")]);
  if (all.length === 0) return <p class="panel placeholder">{isOver(page, watched) ? "It ended before it sent a value." : "No values have arrived yet."}</p>;
  const { pinned, groups } = grouped(all, settings.pinned, settings.search, settings.order);
  const around: CardSurroundings = { page, watched, markers: markersOf(watched, charts.timeline) };
  const named = names.filter(isNamedValue).length;
  return (
    <section class="board" aria-label="Charts" data-testid="board">
      <ChartTools page={page} />
      {watched.namesLeftOut > 0 && (
        <p class="warn" data-testid="names-left-out">
          {count(watched.namesLeftOut)} more names are left out: a trainer may have 2,000
        </p>
      )}
      {pinned.length > 0 && <Group around={around} group={{ name: "pinned", charts: pinned }} title="Pinned" />}
      {groups.map((group) => (
        <Group key={group.name} around={around} group={group} title={titleOf(group.name, named > 0)} />
      ))}
      {pinned.length === 0 && groups.length === 0 && <p class="placeholder">No chart matches “{settings.search}”.</p>}
    </section>
  );
}

function isOver({ state }: Page, watched: Watched): boolean {
  const trainer = state.trainers.get(sessionId(watched)) ?? watched.info;
  return trainer !== null && endedStates.includes(trainer.state);
}

function titleOf(name: string, hasValues: boolean): string {
  if (name === kTraining) return hasValues ? "Training" : "";
  if (name === kMachine) return "Machine";
  return name || "Values";
}

function Group({ around, group, title }: { around: CardSurroundings; group: ChartGroup; title: string }) {
  const { charts } = around.page;
  const { closed, search, full } = charts.settings;
  const open = search !== "" || !closed.includes(group.name);
  const allOf = `all ${group.name}`; // among the closed ones: a closed "the rest"
  const showAll = closed.includes(allOf) || group.charts.some(({ id }) => id === full);
  const shown: ChartSpec[] = showAll ? group.charts : group.charts.slice(0, kShownAtOnce);
  const { box, width } = useWidth();
  const grid = gridFor(shown.map(({ id, span }) => charts.settings.sizes.get(id)?.span ?? span), width);
  return (
    <div class="chart-group" data-group={group.name} ref={box}>
      {title && (
        <button class="group-head" aria-expanded={open} onClick={() => charts.change({ closed: toggled(closed, group.name) })}>
          <i class="caret" aria-hidden="true" />
          <b>{title}</b>
          <span class="dim">{count(group.charts.length)}</span>
        </button>
      )}
      {open && (
        <div class="charts" style={{ gridTemplateColumns: `repeat(${grid.columns}, minmax(0, 1fr))` }}>
          {shown.map((spec, i) => (
            <ChartCard key={spec.id} spec={spec} span={grid.spans[i]!} group={group.charts} {...around} />
          ))}
        </div>
      )}
      {open && shown.length < group.charts.length && (
        <button class="small more" onClick={() => charts.change({ closed: toggled(closed, allOf) })}>
          {count(group.charts.length - shown.length)} more
        </button>
      )}
    </div>
  );
}

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const fit = () => setWidth(box.current?.clientWidth ?? 0);
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return { box, width };
}
