// The tile worker: a TileStream with a canvas that the page has handed over.
import type { FromWorker, ToWorker } from "./messages";
import { TilePainter } from "./tile_painter";
import { TileStream } from "./tile_stream";

// The DOM's types describe a page; a worker's global speaks like one end of a MessagePort.
const page = self as unknown as MessagePort;
let painter: TilePainter | null = null;
let stream: TileStream | null = null;

page.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  switch (message.type) {
    case "start":
      painter = new TilePainter(message.canvas);
      stream = new TileStream(() => new WebSocket(message.url), painter, (frame: FromWorker) => page.postMessage(frame));
      break;
    case "watch":
      stream?.watch(message.session, message.classNames);
      break;
    case "size":
      painter?.resize(message.size);
      stream?.redraw();
      break;
    case "colours":
      if (painter) painter.colours = message.colours;
      stream?.redraw();
      break;
  }
};
