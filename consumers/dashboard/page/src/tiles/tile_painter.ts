// Draws a batch of tiles with their verdicts on a canvas: right and wrong differ in colour, in glyph and in the border's
// shape. Works on the main thread and in a worker alike.
import type { TileBatch } from "./tile_batch";
import { askedPixels, layoutFor, tileOrigin, type TileLayout } from "./tile_layout";
import type { TileColours, TileSize, TileVerdict } from "./messages";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const kFamily = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

export class TilePainter {
  private readonly context: Context;
  private layout: TileLayout = layoutFor(480, 4);
  private scale = 1;
  colours: TileColours = {
    right: "#0a7f5b", wrong: "#d4480b", unknown: "#8b95a3", text: "#111", muted: "#666", surface: "#eee",
  };

  constructor(private readonly canvas: HTMLCanvasElement | OffscreenCanvas) {
    const context = canvas.getContext("2d") as Context | null;
    if (!context) throw new Error("this browser draws no 2D canvas");
    this.context = context;
  }

  // Returns the size of tile to ask for, in pixels.
  resize({ width, height, columns, scale }: TileSize): number {
    this.layout = layoutFor(width, columns);
    this.scale = scale;
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    return askedPixels(this.layout, scale);
  }

  // The tiles of these indices, in their order.
  draw(batch: TileBatch, verdicts: readonly TileVerdict[], shown: readonly number[]): void {
    const { context, scale } = this;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.canvas.width / scale, this.canvas.height / scale);
    shown.forEach((index, place) => {
      const { x, y } = tileOrigin(this.layout, place);
      this.drawPicture(batch.tiles[index]!, x, y);
      this.drawVerdict(verdicts[index]!, x, y);
    });
  }

  private drawPicture(tile: TileBatch["tiles"][number], x: number, y: number): void {
    const { context, layout, scale } = this;
    const inset = layout.border + 1;
    const side = layout.cell - 2 * inset;
    const zoom = Math.min(side / tile.width, side / tile.height);
    const width = tile.width * zoom;
    const height = tile.height * zoom;
    context.imageSmoothingEnabled = zoom * scale < 2;
    context.fillStyle = this.colours.surface;
    context.fillRect(x, y, layout.cell, layout.cell);
    context.drawImage(
      tile.picture, 0, tile.top, tile.width, tile.height,
      x + inset + (side - width) / 2, y + inset + (side - height) / 2, width, height,
    );
  }

  private drawVerdict(verdict: TileVerdict, x: number, y: number): void {
    const { context, layout, colours } = this;
    const colour = verdict.right === null ? colours.unknown : verdict.right ? colours.right : colours.wrong;
    this.drawBorder(colour, verdict.right === false, x, y);
    if (!verdict.label || layout.caption === 0) return;
    const glyph = verdict.right === null ? "" : verdict.right ? "✓ " : "✗ ";
    const percent = `${Math.round(verdict.confidence * 100)}%`;
    const first = y + layout.cell + layout.font * 1.15;
    const second = first + layout.font * 1.25;
    context.textBaseline = "alphabetic";
    context.font = `${layout.font}px ${kFamily}`;
    const percentWidth = context.measureText("100%").width;
    context.fillStyle = colours.muted;
    context.textAlign = "right";
    context.fillText(percent, x + layout.cell, second);
    context.textAlign = "left";
    context.fillText(this.fitted(verdict.truth && `is ${verdict.truth}`, layout.cell - percentWidth - 3), x, second);
    context.font = `600 ${layout.font}px ${kFamily}`;
    context.fillStyle = verdict.right === null ? colours.text : colour;
    context.fillText(this.fitted(glyph + verdict.label, layout.cell), x, first);
  }

  private drawBorder(colour: string, dashed: boolean, x: number, y: number): void {
    const { context, layout } = this;
    context.strokeStyle = colour;
    context.lineWidth = layout.border;
    context.setLineDash(dashed ? [layout.border * 2.5, layout.border * 1.5] : []);
    const half = layout.border / 2;
    context.strokeRect(x + half, y + half, layout.cell - layout.border, layout.cell - layout.border);
    context.setLineDash([]);
  }

  private fitted(text: string, width: number): string {
    if (this.context.measureText(text).width <= width) return text;
    let end = text.length - 1;
    while (end > 1 && this.context.measureText(`${text.slice(0, end)}…`).width > width) end--;
    return `${text.slice(0, end)}…`;
  }
}
