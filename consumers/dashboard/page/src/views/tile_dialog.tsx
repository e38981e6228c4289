// One tile enlarged, with all its scores; on to the next tile, and to the batch before.
import { useEffect, useRef } from "preact/hooks";
import { count, percent } from "../format";
import type { Page } from "../page";
import type { FrameReport } from "../tiles/messages";
import type { TileView } from "../tiles/tile_view";
import { Steps } from "./tiles_panel";

interface Props {
  view: TileView;
  frame: FrameReport;
  place: number; // among those shown
  page: Page;
  choose: (place: number) => void;
  close: () => void;
}

export function TileDialog({ view, frame, place, choose, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const at = Math.min(place, frame.shown.length - 1);
  const verdict = frame.verdicts[frame.shown[at] ?? -1];
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    if (!verdict) return;
    view.picture(verdict.index, (picture) => {
      const { current: target } = canvas;
      if (target) {
        target.width = picture.width;
        target.height = picture.height;
        target.getContext("2d")?.drawImage(picture, 0, 0);
      }
      picture.close();
    });
  }, [verdict?.index, frame.step, frame.back]);
  const move = (by: number) => choose((at + by + frame.shown.length) % Math.max(1, frame.shown.length));
  const onKey = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight") move(1);
    else if (event.key === "ArrowUp") view.stepTo(frame.back + 1);
    else if (event.key === "ArrowDown") view.stepTo(frame.back - 1);
    else return;
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} class="tile-dialog panel" aria-label="Tile" data-testid="tile-dialog" onClose={close} onKeyDown={onKey} onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <header>
        <h2>
          Tile {verdict ? verdict.index + 1 : "–"}, step {count(frame.step)}
        </h2>
        <span class="facts">
          <Steps view={view} frame={frame} />
        </span>
        <button class="small" data-testid="tile-close" onClick={() => dialog.current?.close()}>
          close
        </button>
      </header>
      <div class="tile-dialog-body">
        <canvas ref={canvas} role="img" aria-label={verdict ? `${verdict.label || "tile"}, ${frame.tileWidth} by ${frame.tileHeight} pixels` : "no tile"} />
        {verdict && (
          <div>
            <p class={verdict.right === null ? "" : verdict.right ? "verdict-right" : "verdict-wrong"}>
              <b>
                {verdict.right === null ? "" : verdict.right ? "✓ " : "✗ "}
                {verdict.label || "no prediction"}
              </b>{" "}
              {verdict.label && percent(verdict.confidence)}
            </p>
            <p class="dim">
              {verdict.truth ? `is ${verdict.truth}` : "truth not known"} · {frame.tileWidth}×{frame.tileHeight} pixels
            </p>
            <ul class="scores" data-testid="scores">
              {verdict.scores.map(({ label, score }) => (
                <li key={label}>
                  <span>{label}</span>
                  <i style={{ width: `${Math.max(0, Math.min(1, score)) * 100}%` }} class={label === verdict.truth ? "truth" : ""} />
                  <b>{percent(score)}</b>
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
      <footer>
        <button onClick={() => move(-1)}>◀ tile</button>
        <button onClick={() => move(1)}>tile ▶</button>
        <span class="dim">← → tiles, ↑ ↓ batches, Esc closes</span>
      </footer>
    </dialog>
  );
}
