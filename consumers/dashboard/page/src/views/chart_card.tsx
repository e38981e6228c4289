// One chart of the board with its place on it: drawn once it comes near the screen, pinned, resized, full screen.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { boundedSize, moved, toggled, type ChartSize } from "../chart_settings";
import type { ChartSpec, CurveSpec } from "../charts/catalogue";
import { Chart } from "../charts/chart";
import type { Line } from "../charts/line";
import type { Marker } from "../charts/marker_layout";
import type { Page } from "../page";
import { curveOf, type Watched } from "../state";
import { shortIncarnation } from "../trainer_state";
import { placedMarkers } from "../watched_markers";
import { ChartMenu } from "./chart_menu";

const kEarlierDashes = [[3, 3], [8, 4], [2, 6]]; // the newest first
const kMaxDots = 40; // more would hide the line
const kHeadHeight = 60; // of a chart that fills the screen

export interface CardSurroundings {
  page: Page;
  watched: Watched;
  markers: Marker[]; // over steps
}

// `span`: columns of the grid that it fills.
export function ChartCard({ spec, span: filled, group, page, watched, markers }: CardSurroundings & { spec: ChartSpec; span: number; group: readonly ChartSpec[] }) {
  const box = useRef<HTMLDivElement>(null);
  const near = useNear(box);
  const { charts } = page;
  const { settings } = charts;
  const full = settings.full === spec.id;
  const { span, height } = settings.sizes.get(spec.id) ?? spec;
  const mode = charts.modeOf(spec.curves[0]!.series);
  const ids = group.map(({ id }) => id);
  const place = ids.indexOf(spec.id);
  const move = (by: number) => charts.change({ order: moved(ids, settings.order, spec.id, by) });
  const named = spec.testId === "value-chart";
  const lines = near || full ? spec.curves.flatMap((curve) => [lineOf(curve, page, watched), ...earlierLines(curve, page)]) : [];
  const shownMarkers = mode === "epoch" && !charts.timeline.can("epoch") ? [] : placedMarkers(markers, charts.timeline, mode);
  return (
    <div
      ref={box}
      class="chart-box"
      style={{ gridColumn: `span ${filled}`, minHeight: `${height + 46}px` }}
      data-chart={spec.id}
      {...(named ? { "data-value": spec.id, "data-last": String(curveOf(watched, spec.id).last) } : {})}
    >
      {(near || full) && (
        <Chart
          title={spec.title}
          testId={spec.testId}
          height={full ? Math.max(200, innerHeight - kHeadHeight) : height}
          xMode={mode}
          timeline={charts.timeline}
          lines={lines}
          theme={page.theme}
          range={mode === settings.x ? settings.range : null}
          yZoom={settings.yRanges.get(spec.id) ?? null}
          setYZoom={(range) => charts.setY(spec.id, range)}
          extent={mode === "epoch" && !charts.timeline.can("epoch") ? null : charts.extent}
          setRange={(range, moving) => charts.setRange(range, moving)}
          back={() => charts.back()}
          smoothing={settings.smoothing}
          clip={settings.clip}
          logX={settings.logX && mode !== "time"}
          log={settings.log.includes(spec.id)}
          full={full}
          fromZero={spec.fromZero ?? false}
          markers={shownMarkers}
          buttons={(plot) => (
            <Buttons spec={spec} page={page} full={full}>
              <ChartMenu title={spec.title} session={watched} login={page.login.user !== ""} lines={lines} xMode={mode} log={settings.log.includes(spec.id)} logX={settings.logX && mode !== "time"} smoothing={settings.smoothing} markers={shownMarkers} plot={plot} {...(place > 0 && { earlier: () => move(-1) })} {...(place < ids.length - 1 && { later: () => move(1) })} />
            </Buttons>
          )}
        />
      )}
      {!full && <Grip spec={spec} size={{ span, height }} page={page} />}
    </div>
  );
}

function lineOf(curve: CurveSpec, { charts }: Page, watched: Watched): Line {
  const points = charts.pointsOf(curve.series);
  const { total, length } = curveOf(watched, curve.series);
  return {
    ...curve,
    id: curve.series,
    points,
    total: length < total && points.x.length >= length ? total : points.x.length,
    dots: curve.dots === true && points.x.length <= kMaxDots,
  };
}

// Of earlier incarnations, where a later one did the same steps again.
function earlierLines(curve: CurveSpec, { charts }: Page): Line[] {
  return charts.earlierOf(curve.series).map(({ incarnation, points }, i) => ({
    ...curve,
    id: `${curve.series}@${incarnation}`,
    label: `${curve.label} @${shortIncarnation(incarnation)}`.trim(),
    colour: "muted",
    dash: kEarlierDashes[i]!,
    dots: false,
    points,
    earlier: true,
  }));
}

function useNear(box: { current: HTMLElement | null }): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setNear(entry!.isIntersecting), { rootMargin: "300px" });
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return near;
}

function Buttons({ spec: { id, title }, page: { charts }, full, children }: { spec: ChartSpec; page: Page; full: boolean; children: ComponentChildren }) {
  const { log, pinned } = charts.settings;
  return (
    <span class="chart-buttons">
      <button class="small" aria-pressed={log.includes(id)} aria-label={`Logarithmic y axis of ${title}`} onClick={() => charts.change({ log: toggled(log, id) })}>
        log
      </button>
      <button class="small" aria-pressed={pinned.includes(id)} data-testid="pin" title="Pin to the top" aria-label={`Pin ${title} to the top`} onClick={() => charts.change({ pinned: toggled(pinned, id) })}>
        <Icon path="M5 1 H9 L8.4 5 L11 8 H7.6 L7 13 L6.4 8 H3 L5.6 5 Z" />
      </button>
      <button class="small" aria-pressed={full} data-testid="full" title="Full screen (Esc ends it)" aria-label={`${title} on the full screen`} onClick={() => charts.change({ full: full ? "" : id })}>
        <Icon path="M1 5 V1 H5 M9 1 H13 V5 M13 9 V13 H9 M5 13 H1 V9" />
      </button>
      {children}
    </span>
  );
}

function Icon({ path }: { path: string }) {
  return (
    <svg class="icon-line" viewBox="0 0 14 14" width="12" height="12" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

// Drag, or arrow keys, for the size of a chart: whole columns, any height.
function Grip({ spec, size, page: { charts } }: { spec: ChartSpec; size: ChartSize; page: Page }) {
  const resize = (to: ChartSize) => charts.change({ sizes: new Map(charts.settings.sizes).set(spec.id, boundedSize(to)) });
  const begin = (event: PointerEvent) => {
    event.preventDefault();
    const grip = event.currentTarget as HTMLElement;
    const card = grip.parentElement!;
    const columns = getComputedStyle(card.parentElement!).gridTemplateColumns.split(" ").length;
    const unit = card.parentElement!.clientWidth / columns;
    const from = { x: event.clientX, y: event.clientY, width: card.clientWidth };
    const move = (moved: PointerEvent) => {
      const span = Math.max(1, Math.round((from.width + moved.clientX - from.x) / unit));
      resize({ span: span >= columns ? 0 : span, height: size.height + moved.clientY - from.y });
    };
    grip.setPointerCapture(event.pointerId);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", () => grip.removeEventListener("pointermove", move), { once: true });
  };
  const onKey = (event: KeyboardEvent) => {
    const by: Record<string, Partial<ChartSize>> = {
      ArrowUp: { height: size.height - 20 },
      ArrowDown: { height: size.height + 20 },
      ArrowLeft: { span: Math.max(1, size.span - 1) },
      ArrowRight: { span: size.span === 0 ? 0 : size.span + 1 },
    };
    if (!by[event.key]) return;
    event.preventDefault();
    resize({ ...size, ...by[event.key] });
  };
  return <button class="grip" aria-label={`Size of ${spec.title}: arrow keys`} title="Drag for another size" onPointerDown={begin} onKeyDown={onKey} onDblClick={() => resize(spec)} />;
}
