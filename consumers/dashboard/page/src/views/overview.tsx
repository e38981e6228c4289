// All trainers at a glance: what needs attention comes first. There may be thousands: only the rows in sight exist.
import { useMemo, useRef, useState } from "preact/hooks";
import { toggled } from "../chart_settings";
import { duration, kNone } from "../format";
import { columnOf, columns, isExtra, sorted, type Column } from "../overview_columns";
import { filtered } from "../overview_filter";
import { linesOf, type Line } from "../overview_groups";
import { nextSorting, readOverview, writeOverview, type OverviewSettings } from "../overview_settings";
import type { Page } from "../page";
import { endedStates, type Trainer } from "../protocol";
import { parseParams, siteKey } from "../route";
import { ageOf, kLatelyMs, shownState, trainerKey } from "../trainer_state";
import { BulkBar } from "./bulk_bar";
import { Empty } from "./empty";
import { GroupRow } from "./group_row";
import { OverviewRow } from "./overview_row";
import { SiteStrip } from "./site_strip";
import { OverviewTools } from "./overview_tools";
import { offsetsOf, useNarrow, useVirtualRows } from "./virtual_rows";

const kRowHeight = 46;
const kCardHeight = 132;
const kGroupCardHeight = 112;
const kCardFigures = 4;
const kNarrow = 1100; // as in the style sheet

export function Overview({ page }: { page: Page }) {
  const { state } = page;
  if (!state.listed) return <Loading />;
  if (state.trainers.size === 0) return <Empty broker={state.broker} />;
  return <List page={page} />;
}

function List({ page }: { page: Page }) {
  const { state } = page;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const lastSelected = useRef("");
  const params = parseParams(page.hash());
  const settings = readOverview(params);
  const change = (changed: Partial<OverviewSettings>) => {
    writeOverview({ ...settings, ...changed }, params);
    page.replaceParams(params);
  };
  const all = useMemo(() => [...state.trainers.values()], [state.trainers]);
  const text = params.toString();
  const shown = useMemo(() => sorted(filtered(all, settings.filter, settings.only), settings.sorting, state.clock.now(page.now)), [all, text]);
  const lines = useMemo(() => linesOf(shown, settings.group, settings.folded), [shown, text]);
  const select = useMemo(() => {
    return (id: string, range: boolean) => {
      setSelected((before) => withSelected(before, id, range ? lastSelected.current : "", order.current));
      lastSelected.current = id;
    };
  }, []);
  const order = useRef<string[]>([]);
  order.current = shown.map(trainerKey);
  const picked = shown.filter((trainer) => selected.has(trainerKey(trainer)));
  const everything = picked.length > 0 && picked.length === shown.length;
  return (
    <div class="overview">
      <SiteStrip page={page} />
      <OverviewTools all={all} shown={shown.length} settings={settings} change={change} />
      <BulkBar page={page} selected={picked} clear={() => setSelected(new Set())} />
      <Table
        page={page}
        lines={lines}
        toggle={(group) => change({ folded: toggled(settings.folded, group) })}
        settings={settings}
        selected={selected}
        select={select}
        everything={everything}
        selectAll={() => setSelected(everything ? new Set() : new Set(order.current))}
        sort={(column) => change({ sorting: nextSorting(settings.sorting, column) })}
      />
      {shown.length === 0 && <p class="placeholder">No trainer matches.</p>}
    </div>
  );
}

// `from`: the other end of a range; "": this one alone.
export function withSelected(before: ReadonlySet<string>, id: string, from: string, order: readonly string[]): Set<string> {
  const after = new Set(before);
  const [a, b] = [order.indexOf(from), order.indexOf(id)];
  if (from !== "" && a >= 0 && b >= 0) {
    for (const one of order.slice(Math.min(a, b), Math.max(a, b) + 1)) after.add(one);
  } else if (!after.delete(id)) {
    after.add(id);
  }
  return after;
}

interface TableProps {
  page: Page;
  lines: Line[];
  toggle: (group: string) => void;
  settings: OverviewSettings;
  selected: ReadonlySet<string>;
  select: (id: string, range: boolean) => void;
  everything: boolean;
  selectAll: () => void;
  sort: (column: string) => void;
}

function Table({ page, lines, toggle, settings, selected, select, everything, selectAll, sort }: TableProps) {
  const { state } = page;
  const box = useRef<HTMLDivElement>(null);
  const narrow = useNarrow(kNarrow);
  const rowHeight = narrow ? kCardHeight : kRowHeight;
  const shape = lines.map((line) => ("group" in line ? "g" : "t")).join("");
  const offsets = useMemo(() => offsetsOf([...shape].map((kind) => (narrow && kind === "g" ? kGroupCardHeight : rowHeight))), [shape, narrow]);
  const { first, end } = useVirtualRows(box, offsets);
  const ids = page.sites.length > 1 ? ["site", ...settings.columns] : settings.columns;
  const chosen = useMemo(() => chosenColumns(ids, narrow), [ids.join(), narrow]);
  const alerts = new Map<string, number>();
  for (const alert of state.alerts.values()) {
    if (alert.endedAt === 0) alerts.set(siteKey(alert), (alerts.get(siteKey(alert)) ?? 0) + 1);
  }
  const twins = useMemo(() => new Set([...state.trainers.values()].filter(({ newest }) => !newest).map(siteKey)), [state.trainers]);
  const commands = [...state.commands.values()];
  const grid = narrow ? undefined : { gridTemplateColumns: `20px ${chosen.map(({ width }) => width).join(" ")}` };
  return (
    <div role="table" aria-label="Trainers" aria-rowcount={lines.length + 1} class="rows-table" style={{ "--row-columns": grid?.gridTemplateColumns, "--row-height": `${rowHeight}px` }}>
      <div class="rows-head" role="row" aria-rowindex={1}>
        <span role="columnheader">
          <label class={narrow ? "select-all" : ""}>
            <input type="checkbox" checked={everything} aria-label="Select all" data-testid="select-all" onClick={selectAll} />
            {narrow && "all"}
          </label>
        </span>
        {narrow ? (
          <SortChoice columns={chosen} settings={settings} sort={sort} />
        ) : (
          chosen.map((column) => <Head key={column.id} column={column} settings={settings} sort={sort} />)
        )}
      </div>
      <div class="rows" role="rowgroup" ref={box} data-testid="rows" style={{ height: `${offsets.at(-1)}px` }}>
        {lines.slice(first, end).map((line, i) => {
          const top = offsets[first + i]!;
          if ("group" in line) return <GroupRow key={`group ${line.group.name}`} line={line} by={settings.group} top={top} index={first + i + 2} toggle={toggle} />;
          const { trainer } = line;
          const id = trainerKey(trainer);
          return (
            <OverviewRow
              key={id}
              trainer={trainer}
              state={shownState(trainer, commands, page.now)}
              columns={chosen}
              heartbeat={heartbeatOf(trainer, page)}
              alerts={alerts.get(siteKey(trainer)) ?? 0}
              twin={twins.has(siteKey(trainer))}
              selected={selected.has(id)}
              top={top}
              index={first + i + 2}
              select={select}
            />
          );
        })}
      </div>
    </div>
  );
}

// A card has room for a few figures.
function chosenColumns(ids: readonly string[], narrow: boolean): Column[] {
  const chosen = [...columns.filter(({ id }) => ids.includes(id)), ...ids.filter(isExtra).flatMap((id) => columnOf(id) ?? [])];
  if (!narrow) return chosen;
  const figures = chosen.filter(({ text }) => text).slice(0, kCardFigures);
  return chosen.filter((column) => ["state", "name", "progress", "spark"].includes(column.id) || figures.includes(column));
}

// Whole seconds: a row need not be drawn again for every hundredth.
function heartbeatOf(trainer: Trainer, { now, state }: Page): string {
  if (endedStates.includes(trainer.state)) return kNone;
  const age = ageOf(trainer.silent_since_ms, state.clock.now(now));
  return age === null ? kNone : age < kLatelyMs ? "now" : duration(Math.round(age / 1000) * 1000);
}

function Head({ column, settings, sort }: { column: Column; settings: OverviewSettings; sort: (column: string) => void }) {
  const { by, down } = settings.sorting;
  const mine = by === column.id;
  return (
    <span role="columnheader" class={column.text || column.id === "heartbeat" ? "num" : ""} aria-sort={mine ? (down ? "descending" : "ascending") : "none"}>
      <button class="sort" data-testid={`sort-${column.id}`} onClick={() => sort(column.id)}>
        {column.title}
        {mine && (down ? " ↓" : " ↑")}
      </button>
    </span>
  );
}

// Cards have no heads to click: a list of the same, and the way.
function SortChoice({ columns: chosen, settings, sort }: { columns: Column[]; settings: OverviewSettings; sort: (column: string) => void }) {
  const { by, down } = settings.sorting;
  return (
    <span role="columnheader" class="sort-choice">
      <label>
        <span class="dim">Sort by</span>{" "}
        <select data-testid="sort-by" value={by} onChange={(event) => sort(event.currentTarget.value)}>
          <option value="">urgency</option>
          {chosen.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {by !== "" && (
        <button class="small" data-testid="sort-way" onClick={() => sort(by)} aria-label={down ? "Highest first; the other way" : "Lowest first; the other way"}>
          {down ? "↓" : "↑"}
        </button>
      )}
    </span>
  );
}

function Loading() {
  return (
    <div class="overview" aria-busy="true">
      <div class="toolbar">
        <h1 class="dim">Waiting for the list of trainers…</h1>
      </div>
      <div class="rows skeleton" />
    </div>
  );
}
