// The tiles: a canvas that the worker paints, how to look at it, and what to say while there are none.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../format";
import type { Page } from "../page";
import { endedStates, type Trainer } from "../protocol";
import { parseParams } from "../route";
import type { Watched } from "../state";
import type { TileSettings } from "../tile_settings";
import { readArrangement, writeArrangement } from "../tiles/arrangement";
import { fittingColumns, kMaxColumns, kMinColumns, layoutFor, tileOrigin } from "../tiles/tile_layout";
import type { FrameReport } from "../tiles/messages";
import type { TileView } from "../tiles/tile_view";
import { TileDialog } from "./tile_dialog";

const kWaitMs = 1500;
const kGiveUpMs = 6000;
const kRoomAround = 160; // of the window, in CSS pixels
const kLeastRoom = 320;

interface Props {
  page: Page;
  watched: Watched;
  trainer: Trainer | null;
  settings: TileSettings;
  change: (settings: TileSettings) => void;
}

export function TilesPanel({ page, watched, trainer, settings, change }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [enlarged, setEnlarged] = useState<number | null>(null); // its place among those shown
  const view = page.tiles();
  const columns = settings.columns || fittingColumns(width, Math.max(kLeastRoom, innerHeight - kRoomAround));

  useLayoutEffect(() => {
    box.current!.prepend(view.canvas);
    const fit = () => setWidth(box.current?.clientWidth ?? 0);
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => view.fit(width, columns), [width, columns]);
  useEffect(() => view.show(watched, watched.plan?.classNames ?? []));
  useEffect(() => view.arrange(readArrangement(parseParams(page.hash()))), []); // after it: of this trainer

  const { frame } = view;
  const right = frame?.verdicts.filter((verdict) => verdict.right).length ?? 0;
  const note = noteFor(page, view, trainer);
  view.canvas.setAttribute("aria-label", frame ? `${frame.verdicts.length} tiles, ${right} predicted right` : "no tiles yet");
  const over = trainer !== null && (["DEAD", "PAUSED", "STALLED"].includes(trainer.state) || endedStates.includes(trainer.state));
  const gaveUp = page.now - view.askedAt > kGiveUpMs;
  const look = frame || !note ? "" : over || gaveUp ? "waiting over" : "waiting";
  const freeze = (frozen: boolean) => {
    view.freeze(frozen);
    page.repaint();
  };
  return (
    <section class={`panel tiles ${look}`} data-testid="tiles" data-frames={frame?.frames ?? 0} data-columns={columns} aria-label="Tiles">
      <header>
        <h2>Tiles</h2>
        {frame && (
          <span class="facts">
            <span data-testid="tiles-step">step {count(frame.step)}</span>
            <span data-testid="tiles-right">
              {right}/{frame.verdicts.length} right
            </span>
            <span class="dim">
              {frame.tileWidth}×{frame.tileHeight}
            </span>
          </span>
        )}
        <button class="small" aria-pressed={view.frozen} disabled={!frame} data-testid="freeze" onClick={() => freeze(!view.frozen)}>
          {view.frozen ? "Unfreeze" : "Freeze"}
        </button>
      </header>
      {frame && <TileTools view={view} frame={frame} page={page} settings={settings} change={change} columns={columns} />}
      <div class="tiles-box" ref={box}>
        {frame && (
          <Spots
            frame={frame}
            width={width}
            columns={columns}
            open={(place) => {
              freeze(true);
              setEnlarged(place);
            }}
          />
        )}
        {frame && frame.shown.length === 0 && <p class="tiles-note">no tile of this batch is {view.arrangement.wrongOnly ? "wrong" : "shown"}</p>}
        {note && (
          <p class="tiles-note" role="status" data-testid="tiles-note">
            {note}
          </p>
        )}
      </div>
      {frame && enlarged !== null && (
        <TileDialog view={view} frame={frame} place={enlarged} choose={setEnlarged} page={page} close={() => setEnlarged(null)} />
      )}
    </section>
  );
}

// How to look at them, and, while frozen, the way through the last batches.
function TileTools({ view, frame, page, settings, change, columns }: { view: TileView; frame: FrameReport; page: Page; settings: TileSettings; change: Props["change"]; columns: number }) {
  const { arrangement } = view;
  const arrange = (changed: Partial<typeof arrangement>) => {
    view.arrange({ ...arrangement, ...changed });
    const params = parseParams(page.hash());
    writeArrangement(view.arrangement, params);
    page.replaceParams(params);
  };
  const truths = [...new Set([...frame.verdicts.map(({ truth }) => truth), arrangement.truth])].filter(Boolean).sort();
  const counts = Array.from({ length: kMaxColumns - kMinColumns + 1 }, (_, i) => i + kMinColumns);
  return (
    <div class="tile-tools" role="group" aria-label="How the tiles are shown">
      <label>
        columns
        <select data-testid="tile-columns" value={settings.columns} onChange={(event) => change({ ...settings, columns: Number(event.currentTarget.value) })}>
          <option value={0}>auto ({columns})</option>
          {counts.map((value) => (
            <option key={value} value={value}>
              {value}
            </option>
          ))}
        </select>
      </label>
      <button class="small" aria-pressed={settings.wide} data-testid="tiles-wide" title="Over the whole width of the page" onClick={() => change({ ...settings, wide: !settings.wide })}>
        wide
      </button>
      <button class="small" aria-pressed={arrangement.worstFirst} data-testid="worst-first" title="Confidently wrong ones first" onClick={() => arrange({ worstFirst: !arrangement.worstFirst })}>
        worst first
      </button>
      <button class="small" aria-pressed={arrangement.wrongOnly} data-testid="wrong-only" onClick={() => arrange({ wrongOnly: !arrangement.wrongOnly })}>
        wrong only
      </button>
      {truths.length > 0 && (
        <select aria-label="Only tiles of this class" data-testid="tile-class" value={arrangement.truth} onChange={(event) => arrange({ truth: event.currentTarget.value })}>
          <option value="">every class</option>
          {truths.map((truth) => (
            <option key={truth} value={truth}>
              {truth}
            </option>
          ))}
        </select>
      )}
      {view.frozen && <Steps view={view} frame={frame} />}
    </div>
  );
}

export function Steps({ view, frame }: { view: TileView; frame: FrameReport }) {
  const { back, kept } = frame;
  return (
    <span class="tile-steps" role="group" aria-label="Batches that were kept">
      <button class="small" aria-label="The batch before" data-testid="tile-before" disabled={back + 1 >= kept} onClick={() => view.stepTo(back + 1)}>
        ◀
      </button>
      <input
        type="range"
        aria-label="Batch"
        min={0}
        max={Math.max(1, kept - 1)}
        value={kept - 1 - back}
        onInput={(event) => view.stepTo(kept - 1 - Number(event.currentTarget.value))}
      />
      <button class="small" aria-label="The batch after" data-testid="tile-after" disabled={back === 0} onClick={() => view.stepTo(back - 1)}>
        ▶
      </button>
      <span class="dim" data-testid="tile-back">
        {kept - back} of {kept}
      </span>
    </span>
  );
}

function noteFor(page: Page, view: TileView, trainer: Trainer | null): string {
  if (view.frozen) return "";
  if (page.state.link === "lost") return "connection lost";
  const quiet = page.now - Math.max(view.frameAt, view.askedAt);
  if (view.frame && quiet < kWaitMs) return "";
  switch (trainer?.state) {
    case "PAUSED":
      return "trainer is paused";
    case "COMPLETED":
    case "STOPPED":
    case "FAILED":
      return view.frame ? "training has ended: the last batch" : "training has ended";
    case "DEAD":
      return "trainer is dead";
    case "STALLED":
      return "trainer is stalled";
    case "ALIVE":
      return !view.frame && quiet > kGiveUpMs ? "trainer does not send tiles" : "waiting for the next batch";
    default:
      return "waiting for the next batch";
  }
}

// Each tile can be enlarged, which freezes them.
function Spots({ frame, width, columns, open }: { frame: FrameReport; width: number; columns: number; open: (place: number) => void }) {
  const layout = layoutFor(width, columns);
  return (
    <>
      {frame.shown.map((index, place) => {
        const { x, y } = tileOrigin(layout, place);
        const { label, truth } = frame.verdicts[index]!;
        return (
          <button
            key={place}
            class="tile-spot"
            data-testid="tile-spot"
            style={{ left: `${x}px`, top: `${y}px`, width: `${layout.cell}px`, height: `${layout.cell}px` }}
            aria-label={`Enlarge: predicted ${label || "nothing"}, is ${truth || "not known"}`}
            onClick={() => open(place)}
          />
        );
      })}
    </>
  );
}
