// Curves of several trainers over one another, and what differs between them.
import { differences, itemId, kMaxItems, settingsOf, type Compared, type CompareItem } from "../compare";
import { groupOf, meanAndBand } from "../compare_groups";
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
import { Column } from "./column";
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
        <Column>
          <GroupBy page={page} />
          <Items page={page} />
          <Values page={page} />
        </Column>
        <Column>
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
              yZoom={settings.yRanges.get(value) ?? null}
              setYZoom={(range) => page.charts.setY(value, range)}
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
                  <ChartMenu title={value} session={null} login={page.login.user !== ""} lines={linesOf(page, value)} xMode={settings.x} log={settings.log.includes(value)} logX={settings.logX} smoothing={settings.smoothing} markers={[]} plot={plot} />
                </span>
              )}
            />
          ))}
          <CompareTable compared={compared} data={data} />
          <Differences compared={compared} items={compared.items.map((item) => data.items.get(itemId(item)))} />
        </Column>
      </div>
    </div>
  );
}

const groupName = ({ compare: { compared, data } }: Page, item: CompareItem): string => groupOf(item, data.items.get(itemId(item))?.info ?? null, compared.group);
const groupsOf = (page: Page): string[] => [...new Set(page.compare.compared.items.map((item) => groupName(page, item)))];

function linesOf(page: Page, value: string): Line[] {
  const own = ownLines(page, value);
  const { group } = page.compare.compared;
  if (!group) return own;
  const ofGroup = (name: string) => own.filter(({ id }) => page.compare.compared.items.some((item) => itemId(item) === id && groupName(page, item) === name));
  return groupsOf(page).flatMap((name, place) => {
    const members = ofGroup(name);
    return members.length === 0 ? [] : [groupLine(name, members, lookOf(place))];
  });
}

function groupLine(name: string, members: Line[], look: ReturnType<typeof lookOf>): Line {
  const { mean, band } = spreadOnce(members.map(({ points }) => points));
  const lost = members.filter(({ points }) => points.y.length > 0 && !Number.isFinite(points.y.at(-1))).length;
  const without = lost > 0 ? `, ${lost} ended at no number` : "";
  return { id: `group ${name}`, label: `${name} (mean of ${members.length}${without})`, points: mean, band, ...look, smooth: true, dots: mean.x.length <= 40, format: number };
}

// The same objects while the curves are.
const spreads = new WeakMap<object, { of: Line["points"][]; spread: ReturnType<typeof meanAndBand> }>();
function spreadOnce(of: Line["points"][]): ReturnType<typeof meanAndBand> {
  const known = spreads.get(of[0]!);
  if (known && known.of.length === of.length && known.of.every((points, i) => points === of[i])) return known.spread;
  const spread = meanAndBand(of);
  spreads.set(of[0]!, { of, spread });
  return spread;
}

function ownLines({ compare: { compared, data }, charts }: Page, value: string): Line[] {
  return compared.items.flatMap((item, place): Line[] => {
    const id = itemId(item);
    const known = data.items.get(id);
    const curve = known?.curves.get(value);
    if (!known || !curve || compared.hidden.includes(id)) return [];
    const fine = known.fine.of(value, curve);
    const points = known.timeline.place(fine, curve.axis, charts.settings.x);
    const total = fine === curve.points && Number.isFinite(curve.total) ? curve.total : points.x.length;
    return [{ id, label: labelOf(item), total, points: stable(fine, charts.settings.x, points), ...lookOf(place), smooth: curve.axis === "step", dots: points.x.length <= 40, format: number }];
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
  itemId({ ...item, incarnation: "" }) + (item.incarnation && `@${shortIncarnation(BigInt(item.incarnation))}`);

// The legend: hide, take out, and the incarnations that can be taken in.
function Items({ page }: { page: Page }) {
  const { compare } = page;
  const { compared, data } = compare;
  return (
    <section class="panel compare-items" aria-label="What is compared">
      <ul>
        {compared.items.map((item, place) => {
          const id = itemId(item);
          const known = data.items.get(id);
          const { colour, dash } = lookOf(compared.group ? groupsOf(page).indexOf(groupName(page, item)) : place);
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

// One line for each trainer, or the mean and the band of those that have a setting in common.
function GroupBy({ page: { compare } }: { page: Page }) {
  const { compared, data } = compare;
  const settings = compared.items.map((item) => data.items.get(itemId(item))?.info).map((info) => (info ? settingsOf(info) : null));
  const names = [...new Set(["run", ...differences(settings).map(({ name }) => name), compared.group])].filter(Boolean);
  return (
    <label class="panel group-choice">
      <span class="dim">Group by</span>{" "}
      <select data-testid="compare-group" value={compared.group} onChange={(event) => compare.change({ group: event.currentTarget.value })}>
        <option value="">nothing</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
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
    return item?.info ? settingsOf(item.info) : null;
  });
  const rows = differences(settings);
  return (
    <section class="panel compare-differences" aria-label="Differences of the settings" data-testid="differences">
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
