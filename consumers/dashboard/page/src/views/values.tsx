// Every named value as a chart, grouped by the part before the first '/'.
import { useEffect, useRef, useState } from "preact/hooks";
import { Chart } from "../charts/chart";
import type { Marker } from "../charts/markers";
import { count, number } from "../format";
import type { Page } from "../page";
import { builtInSeries } from "../protocol";
import type { Series } from "../series";
import type { Watched } from "../state";
import { resumedMarkers } from "./curves";

const kShownAtOnce = 12; // charts of one group; the rest on demand
const kHeight = 140;
const kMaxDots = 40;

export interface ValueGroup {
  name: string; // "" for values without one
  values: { name: string; title: string; series: Series }[];
}

// By name, those without a group first.
export function groupsOf(series: ReadonlyMap<string, Series>, filter: string): ValueGroup[] {
  const groups = new Map<string, ValueGroup>();
  const wanted = filter.trim().toLowerCase();
  const names = [...series.keys()].filter((name) => !builtInSeries.has(name) && name.toLowerCase().includes(wanted)).sort();
  for (const name of names) {
    const slash = name.indexOf("/");
    const group = slash < 0 ? "" : name.slice(0, slash);
    if (!groups.has(group)) groups.set(group, { name: group, values: [] });
    groups.get(group)!.values.push({ name, title: name.slice(slash + 1), series: series.get(name)! });
  }
  return [...groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function Values({ page, watched }: { page: Page; watched: Watched }) {
  const [filter, setFilter] = useState("");
  const named = [...watched.series.keys()].filter((name) => !builtInSeries.has(name)).length;
  if (named === 0) return null;
  const groups = groupsOf(watched.series, filter);
  const markers = resumedMarkers(watched);
  return (
    <section class="values" aria-label="Named values" data-testid="values">
      <header class="section-head">
        <h2>Values</h2>
        <span class="dim">{count(named)}</span>
        {watched.namesLeftOut > 0 && (
          <span class="warn" data-testid="names-left-out">
            {count(watched.namesLeftOut)} more names are left out: a trainer may have 2,000
          </span>
        )}
        {named > kShownAtOnce && (
          <input type="search" placeholder="Filter values" aria-label="Filter values" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        )}
      </header>
      {groups.map((group) => (
        <Group key={group.name} page={page} group={group} markers={markers} alone={groups.length === 1 && group.name === ""} />
      ))}
      {groups.length === 0 && <p class="placeholder">No value matches.</p>}
    </section>
  );
}

function Group({ page, group, alone, markers }: { page: Page; group: ValueGroup; alone: boolean; markers: Marker[] }) {
  const [open, setOpen] = useState(true);
  const [all, setAll] = useState(false);
  const shown = all ? group.values : group.values.slice(0, kShownAtOnce);
  return (
    <div class="value-group" data-group={group.name}>
      {!alone && (
        <button class="group-head" aria-expanded={open} onClick={() => setOpen(!open)}>
          <i class="caret" aria-hidden="true" />
          <b>{group.name || "without a group"}</b>
          <span class="dim">{count(group.values.length)}</span>
        </button>
      )}
      {open && (
        <div class="curves small-charts">
          {shown.map((value) => (
            <ValueChart key={value.name} page={page} markers={markers} {...value} />
          ))}
        </div>
      )}
      {open && shown.length < group.values.length && (
        <button class="small more" onClick={() => setAll(true)}>
          {count(group.values.length - shown.length)} more
        </button>
      )}
    </div>
  );
}

// Drawn once it comes near the screen: there may be thousands.
function ValueChart({ page, name, title, series, markers }: ValueGroup["values"][number] & { page: Page; markers: Marker[] }) {
  const box = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setNear(entry!.isIntersecting), { rootMargin: "300px" });
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const points = page.zoom[series.axis]?.points.get(name) ?? series;
  return (
    <div ref={box} class="value-box" data-value={name} data-last={String(series.last)}>
      {near && (
        <Chart
          title={title}
          testId="value-chart"
          height={kHeight}
          xName={series.axis}
          theme={page.theme}
          range={page.zoom[series.axis]}
          onZoom={(range) => page.setZoom(series.axis, range)}
          markers={markers}
          lines={[{ label: "", colour: "accent", points, dots: points.x.length <= kMaxDots, format: number }]}
        />
      )}
    </div>
  );
}
