// The tile worker: a TileStream with a canvas that the page has handed over.
import type { FromWorker, ToWorker } from "./messages";
import { perform } from "./perform";
import { TilePainter } from "./tile_painter";
import { TileStream } from "./tile_stream";

// The DOM's types describe a page; a worker's global speaks like one end of a MessagePort.
const page = self as unknown as MessagePort;
let painter: TilePainter | null = null;
let stream: TileStream | null = null;

page.onmessage = ({ data: message }: MessageEvent<ToWorker>) => {
  if (message.type === "start") {
    painter = new TilePainter(message.canvas);
    stream = new TileStream(() => new WebSocket(message.url), painter, (report: FromWorker) =>
      page.postMessage(report, report.type === "picture" ? [report.picture] : []),
    );
  } else if (stream && painter) {
    perform(message, stream, painter);
  }
};
