// The page's end of the tiles: the same few calls, whether a worker draws (where the browser can hand a canvas over) or
// the main thread.
import type { Session } from "../route";
import type { FrameReport, FromWorker, TileColours, TileSize, ToWorker } from "./messages";
import { TilePainter } from "./tile_painter";
import { TileStream } from "./tile_stream";

export interface TilePlayer {
  watch(session: Session | null, classNames: string[]): void;
  resize(size: TileSize): void;
  recolour(colours: TileColours): void;
}

export function newTilePlayer(canvas: HTMLCanvasElement, url: string, report: (frame: FrameReport) => void): TilePlayer {
  if (typeof Worker === "undefined" || !("transferControlToOffscreen" in canvas)) return pagePlayer(canvas, url, report);
  const worker = new Worker("tiles.js");
  const post = (message: ToWorker, transfer: Transferable[] = []) => worker.postMessage(message, transfer);
  worker.onmessage = (event: MessageEvent<FromWorker>) => report(event.data);
  const offscreen = canvas.transferControlToOffscreen();
  post({ type: "start", canvas: offscreen, url }, [offscreen]);
  return {
    watch: (session, classNames) => post({ type: "watch", session, classNames }),
    resize: (size) => post({ type: "size", size }),
    recolour: (colours) => post({ type: "colours", colours }),
  };
}

function pagePlayer(canvas: HTMLCanvasElement, url: string, report: (frame: FrameReport) => void): TilePlayer {
  const painter = new TilePainter(canvas);
  const stream = new TileStream(() => new WebSocket(url), painter, report);
  return {
    watch: (session, classNames) => stream.watch(session, classNames),
    resize: (size) => {
      painter.resize(size);
      stream.redraw();
    },
    recolour: (colours) => {
      painter.colours = colours;
      stream.redraw();
    },
  };
}
