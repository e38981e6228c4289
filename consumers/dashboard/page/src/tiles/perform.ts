// Does what the page asks of its tiles; in the worker, or on the page where a worker cannot draw.
import type { TileRequest } from "./messages";
import type { TilePainter } from "./tile_painter";
import type { TileStream } from "./tile_stream";

export function perform(request: TileRequest, stream: TileStream, painter: TilePainter): void {
  switch (request.type) {
    case "watch":
      return stream.watch(request.session, request.classNames);
    case "size":
      stream.askFor(painter.resize(request.size));
      return stream.redraw();
    case "colours":
      painter.colours = request.colours;
      return stream.redraw();
    case "arrange":
      return stream.arrange(request.arrangement);
    case "freeze":
      return stream.freeze(request.back);
    case "picture":
      return void stream.picture(request.index);
  }
}
