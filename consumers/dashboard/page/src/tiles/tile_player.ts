// The page's end of the tiles: whether a worker draws (where the browser can hand a canvas over) or the main thread.
import type { FromWorker, TileRequest, ToWorker } from "./messages";
import { perform } from "./perform";
import { TilePainter } from "./tile_painter";
import { TileStream } from "./tile_stream";

export type TilePlayer = (request: TileRequest) => void;

export function newTilePlayer(canvas: HTMLCanvasElement, url: string, report: (said: FromWorker) => void): TilePlayer {
  if (typeof Worker === "undefined" || !("transferControlToOffscreen" in canvas)) {
    const painter = new TilePainter(canvas);
    const stream = new TileStream(() => new WebSocket(url), painter, report);
    return (request) => perform(request, stream, painter);
  }
  const worker = new Worker("tiles.js", { type: "module" });
  const post = (message: ToWorker, transfer: Transferable[] = []) => worker.postMessage(message, transfer);
  worker.onmessage = (event: MessageEvent<FromWorker>) => report(event.data);
  const offscreen = canvas.transferControlToOffscreen();
  post({ type: "start", canvas: offscreen, url }, [offscreen]);
  return (request) => post(request);
}
