// Curves of several trainers over one another, and what differs between them.
import { differences, itemId, kMaxItems, type Compared, type CompareItem } from "../compare";
import type { ComparedItem } from "../compare_data";
import { toggled } from "../chart_settings";
import { Chart } from "../charts/chart";
import { placingSeries } from "../protocol";
import type { Line } from "../charts/line";
import { number } from "../format";
import type { Page } from "../page";
import { overviewHref, sessionId, trainerHref } from "../route";
import { shortIncarnation } from "../trainer_state";
import { ChartMenu } from "./chart_menu";
import { ChartTools, useEscape } from "./chart_tools";
import { CompareTable } from "./compare_table";

const kHeight = 300;
const kColours = 8;
const dashes: (readonly number[] | undefined)[] = [undefined, [6, 4], [2, 3]];

// The look of the item at a place: colours first, then dashes.
export const lookOf = (place: number): { colour: string; dash?: readonly number[] } => {
  const dash = dashes[Math.floor(place / kColours) % dashes.length];
  return { colour: `series-${place % kColours}`, ...(dash && { dash }) };
};

export function ComparePage({ page }: { page: Page }) {
  const { compare } = page;
  const { compared, data } = compare;
  useEscape(page);
  if (compared.items.length === 0) {
    return (
      <div class="empty panel">
        <h1>Nothing to compare</h1>
        <p>
          Choose trainers by their check boxes <a href={overviewHref}>in the list</a>.
        </p>
      </div>
    );
  }
  const { settings } = page.charts;
  return (
    <div class="compare" data-testid="compare">
      <div class="headline">
        <h1>
          {compared.items.length} compared{compared.items.length === kMaxItems && " (no more at once)"}
        </h1>
      </div>
      <div class="columns compare-columns">
        <aside class="column">
          <Items page={page} />
          <Values page={page} />
        </aside>
        <div class="column">
          <ChartTools page={page} />
          {compared.values.map((value) => (
            <Chart
              key={value}
              title={value}
              testId="compare-chart"
              height={settings.full === value ? innerHeight - 60 : kHeight}
              xMode={settings.x}
              timeline={page.charts.timeline}
              lines={linesOf(page, value)}
              theme={page.theme}
              range={settings.range}
              extent={null}
              setRange={(range, moving) => page.charts.setRange(range, moving)}
              back={() => page.charts.back()}
              smoothing={settings.smoothing}
              clip={settings.clip}
              logX={settings.logX && settings.x !== "time"}
              log={settings.log.includes(value)}
              full={settings.full === value}
              buttons={(plot) => (
                <span class="chart-buttons">
                  <button class="small" aria-pressed={settings.log.includes(value)} onClick={() => page.charts.change({ log: toggled(settings.log, value) })}>
                    log
                  </button>
                  <button class="small" aria-pressed={settings.full === value} onClick={() => page.charts.change({ full: settings.full === value ? "" : value })}>
                    full
                  </button>
                  <ChartMenu title={value} session={null} lines={linesOf(page, value)} xMode={settings.x} log={settings.log.includes(value)} logX={settings.logX} plot={plot} />
                </span>
              )}
            />
          ))}
          <CompareTable compared={compared} data={data} />
          <Differences compared={compared} items={compared.items.map((item) => data.items.get(itemId(item)))} />
        </div>
      </div>
    </div>
  );
}

function linesOf({ compare: { compared, data }, charts }: Page, value: string): Line[] {
  return compared.items.flatMap((item, place): Line[] => {
    const id = itemId(item);
    const known = data.items.get(id);
    const curve = known?.curves.get(value);
    if (!known || !curve || compared.hidden.includes(id)) return [];
    const points = known.timeline.place(curve.points, curve.axis, charts.settings.x);
    return [{ id, label: labelOf(item), points: stable(curve.points, charts.settings.x, points), ...lookOf(place), smooth: curve.axis === "step", dots: points.x.length <= 40, format: number }];
  });
}

// The same object while nothing changed, so that the chart need not draw it again.
const placed = new WeakMap<object, { mode: string; points: Line["points"] }>();
function stable(of: object, mode: string, points: Line["points"]): Line["points"] {
  const known = placed.get(of);
  if (known?.mode === mode && known.points.x.at(-1) === points.x.at(-1)) return known.points;
  placed.set(of, { mode, points });
  return points;
}

export const labelOf = (item: CompareItem): string =>
  sessionId(item) + (item.incarnation && `@${shortIncarnation(BigInt(item.incarnation))}`);

// The legend: hide, take out, and the incarnations that can be taken in.
function Items({ page: { compare } }: { page: Page }) {
  const { compared, data } = compare;
  return (
    <section class="panel compare-items" aria-label="What is compared">
      <ul>
        {compared.items.map((item, place) => {
          const id = itemId(item);
          const known = data.items.get(id);
          const { colour, dash } = lookOf(place);
          return (
            <li key={id} data-testid="compare-item" data-item={id}>
              <label title="Shown">
                <input
                  type="checkbox"
                  checked={!compared.hidden.includes(id)}
                  aria-label={`Show ${labelOf(item)}`}
                  onChange={() => compare.change({ hidden: toggled(compared.hidden, id) })}
                />
                <i class={dash ? "swatch dashed" : "swatch"} style={{ borderColor: `var(--${colour})` }} />
              </label>
              <a href={trainerHref(item)}>{labelOf(item)}</a>
              <span class="spacer" />
              {known && known.incarnations.length > 1 && item.incarnation === "" && <Incarnations item={item} known={known} add={(one) => compare.change({ items: [...compared.items, one] })} />}
              <button class="small" aria-label={`Take ${labelOf(item)} out`} onClick={() => compare.change({ items: compared.items.filter((one) => one !== item) })}>
                ×
              </button>
              {known?.problem && <p class="problem">{known.problem}</p>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Incarnations({ item, known, add }: { item: CompareItem; known: ComparedItem; add: (item: CompareItem) => void }) {
  return (
    <select
      class="small"
      value=""
      aria-label={`Add an incarnation of ${sessionId(item)}`}
      data-testid="add-incarnation"
      onChange={(event) => event.currentTarget.value && add({ ...item, incarnation: event.currentTarget.value })}
    >
      <option value="">incarnations…</option>
      {[...known.incarnations].reverse().map(({ incarnation, begin }) => (
        <option key={String(incarnation)} value={String(incarnation)}>
          @{shortIncarnation(incarnation)} {begin !== null && `from step ${begin}`}
        </option>
      ))}
    </select>
  );
}

function Values({ page: { compare, charts } }: { page: Page }) {
  const { compared, data } = compare;
  const words = charts.settings.search.toLowerCase().split(/\s+/).filter(Boolean);
  const names = [...new Set([...data.names, ...compared.values])]
    .filter((name) => !placingSeries.has(name) && words.every((word) => name.toLowerCase().includes(word)))
    .sort();
  return (
    <section class="panel compare-values" aria-label="Values">
      <header>
        <h2>Values</h2>
        <span class="dim">{names.length}</span>
      </header>
      <ul>
        {names.map((name) => (
          <li key={name}>
            <label>
              <input type="checkbox" data-testid="compare-value" data-name={name} checked={compared.values.includes(name)} onChange={() => compare.change({ values: toggled(compared.values, name) })} />
              {name}
            </label>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Differences({ compared, items }: { compared: Compared; items: (ComparedItem | undefined)[] }) {
  const settings = items.map((item) => {
    const info = item?.info;
    if (!info) return null;
    const own: [string, string | null][] = [["model", info.model], ["dataset", info.dataset], ["epochs", info.total_epochs?.toString() ?? null], ["batch size", info.batch_size?.toString() ?? null]];
    const said = own.filter((pair): pair is [string, string] => Boolean(pair[1]));
    return new Map([...said, ...(info.plan?.parameters ?? [])]);
  });
  const rows = differences(settings);
  return (
    <section class="panel" aria-label="Differences of the settings" data-testid="differences">
      <header>
        <h2>Settings that differ</h2>
      </header>
      {rows.length === 0 ? (
        <p class="placeholder">none</p>
      ) : (
        <div class="table-box" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">setting</th>
                {compared.items.map((item) => (
                  <th key={itemId(item)} scope="col">
                    {labelOf(item)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, values }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {values.map((value, i) => (
                    <td key={i} title={value ?? undefined}>
                      {value ?? "–"}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
