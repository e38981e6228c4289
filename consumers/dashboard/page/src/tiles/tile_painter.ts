// Draws a batch of tiles with their verdicts on a canvas: right and wrong differ in colour, in glyph and in the border's
// shape. Works on the main thread and in a worker alike.
import type { TileBatch } from "./tile_batch";
import { askedPixels, layoutFor, tileOrigin, type TileLayout } from "./tile_layout";
import type { TileColours, TileSize, TileVerdict } from "./messages";

const kMaxFits = 1000;

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const kFamily = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

export class TilePainter {
  private readonly context: Context;
  private layout: TileLayout = layoutFor(480, 4);
  private scale = 1;
  private readonly fits = new Map<string, string>(); // by font, width and text
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

  // The tiles of these indices, in their order. Texts of one font follow one another: a change of the font costs more than
  // a text.
  draw(batch: TileBatch, verdicts: readonly TileVerdict[], shown: readonly number[]): void {
    const { context, layout, scale } = this;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.canvas.width / scale, this.canvas.height / scale);
    const placed = shown.map((index, place) => ({ index, verdict: verdicts[index]!, ...tileOrigin(layout, place) }));
    for (const { index, verdict, x, y } of placed) {
      this.drawPicture(batch.tiles[index]!, x, y);
      this.drawBorder(this.colourOf(verdict), verdict.right === false, x, y);
    }
    const captioned = layout.caption === 0 ? [] : placed.filter(({ verdict }) => verdict.label);
    context.textBaseline = "alphabetic";
    context.font = `${layout.font}px ${kFamily}`;
    context.fillStyle = this.colours.muted;
    const percentWidth = context.measureText("100%").width;
    for (const { verdict, x, y } of captioned) this.drawTruth(verdict, percentWidth, x, y);
    context.font = `600 ${layout.font}px ${kFamily}`;
    for (const { verdict, x, y } of captioned) this.drawLabel(verdict, x, y);
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

  private colourOf({ right }: TileVerdict): string {
    return right === null ? this.colours.unknown : right ? this.colours.right : this.colours.wrong;
  }

  // Below the label: what it is, and how sure the model was.
  private drawTruth(verdict: TileVerdict, percentWidth: number, x: number, y: number): void {
    const { context, layout } = this;
    const percent = Number.isFinite(verdict.confidence) ? `${Math.round(verdict.confidence * 100)}%` : "NaN";
    const line = y + layout.cell + layout.font * 2.4;
    context.textAlign = "right";
    context.fillText(percent, x + layout.cell, line);
    context.textAlign = "left";
    context.fillText(this.fitted(verdict.truth && `is ${verdict.truth}`, layout.cell - percentWidth - 3), x, line);
  }

  private drawLabel(verdict: TileVerdict, x: number, y: number): void {
    const { context, layout, colours } = this;
    const glyph = verdict.right === null ? "" : verdict.right ? "✓ " : "✗ ";
    context.fillStyle = verdict.right === null ? colours.text : this.colourOf(verdict);
    context.fillText(this.fitted(glyph + verdict.label, layout.cell), x, y + layout.cell + layout.font * 1.15);
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

  // Labels come again and again: each is measured once.
  private fitted(text: string, width: number): string {
    const key = `${this.context.font} ${width} ${text}`;
    const known = this.fits.get(key);
    if (known !== undefined) return known;
    if (this.fits.size >= kMaxFits) this.fits.clear();
    const fit = this.shortened(text, width);
    this.fits.set(key, fit);
    return fit;
  }

  private shortened(text: string, width: number): string {
    if (this.context.measureText(text).width <= width) return text;
    let end = text.length - 1;
    while (end > 1 && this.context.measureText(`${text.slice(0, end)}…`).width > width) end--;
    return `${text.slice(0, end)}…`;
  }
}
