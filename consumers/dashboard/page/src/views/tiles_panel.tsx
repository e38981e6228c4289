// The 16 tiles: a canvas that the worker paints, a line of facts, and what to say while there are none.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, percent } from "../format";
import type { Page } from "../page";
import { endedStates, type Trainer } from "../protocol";
import type { Watched } from "../state";
import { layoutFor, tileOrigin } from "../tiles/tile_layout";
import type { FrameReport } from "../tiles/messages";
import type { TileView } from "../tiles/tile_view";

const kWaitMs = 1500;
const kGiveUpMs = 6000;

export function TilesPanel({ page, watched, trainer }: { page: Page; watched: Watched; trainer: Trainer | null }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const view = page.tiles();

  useLayoutEffect(() => {
    box.current!.prepend(view.canvas);
    const fit = () => {
      const now = box.current?.clientWidth ?? 0;
      view.fit(now);
      setWidth(now);
    };
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => view.show(watched, watched.plan?.classNames ?? []));

  const { frame } = view;
  const right = frame?.verdicts.filter((verdict) => verdict.right).length ?? 0;
  const note = noteFor(page, view, trainer);
  view.canvas.setAttribute("aria-label", frame ? `${frame.verdicts.length} tiles, ${right} predicted right` : "no tiles yet");
  const over = trainer !== null && (trainer.state === "DEAD" || endedStates.includes(trainer.state));
  const gaveUp = page.now - view.askedAt > kGiveUpMs;
  const look = frame || !note ? "" : over || gaveUp ? "waiting over" : "waiting";
  return (
    <section class={`panel tiles ${look}`} data-testid="tiles" data-frames={frame?.frames ?? 0} aria-label="Tiles">
      <header>
        <h3>Tiles</h3>
        {frame && (
          <span class="facts">
            <span>step {count(frame.step)}</span>
            <span data-testid="tiles-right">
              {right}/{frame.verdicts.length} right
            </span>
            <span class="dim">
              {frame.tileWidth}×{frame.tileHeight}
            </span>
          </span>
        )}
        <button
          class="small"
          aria-pressed={view.frozen}
          disabled={!frame}
          data-testid="freeze"
          onClick={() => {
            view.freeze(!view.frozen);
            page.repaint();
          }}
        >
          {view.frozen ? "Unfreeze" : "Freeze"}
        </button>
      </header>
      <div class="tiles-box" ref={box}>
        {frame && view.frozen && <Details frame={frame} width={width} />}
        {note && (
          <p class="tiles-note" role="status" data-testid="tiles-note">
            {note}
          </p>
        )}
      </div>
    </section>
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

// While frozen, each tile can be asked for its scores.
function Details({ frame, width }: { frame: FrameReport; width: number }) {
  const layout = layoutFor(width);
  return (
    <>
      {frame.verdicts.map((verdict, i) => {
        const { x, y } = tileOrigin(layout, i);
        const lines = verdict.scores.map(({ label, score }) => `${label} ${percent(score)}`);
        const text = [`predicted ${verdict.label}, is ${verdict.truth || "not known"}`, ...lines].join("\n");
        return (
          <button
            key={i}
            class={`tile-detail column-${i % 4}`}
            style={{ left: `${x}px`, top: `${y}px`, width: `${layout.cell}px`, height: `${layout.cell}px` }}
            aria-label={text}
          >
            <span class="tip">
              {verdict.scores.map(({ label, score }) => (
                <span key={label}>
                  {label} <b>{percent(score)}</b>
                </span>
              ))}
            </span>
          </button>
        );
      })}
    </>
  );
}
