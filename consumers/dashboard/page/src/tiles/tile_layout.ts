// Where the tiles and their captions lie: a grid in CSS pixels.
export const kMaxTiles = 16;
export const kMinColumns = 2;
export const kMaxColumns = 16;

export interface TileLayout {
  columns: number;
  cell: number; // width of a tile with its border
  border: number;
  gap: number;
  font: number;
  caption: number; // height of the two lines below a tile; 0: no room for words
  height: number; // of the whole grid
}

export function layoutFor(width: number, columns: number): TileLayout {
  const gap = width < 420 || columns > 8 ? 6 : 10;
  const cell = Math.max(16, (width - gap * (columns - 1)) / columns);
  const font = Math.round(Math.min(13, Math.max(9.5, cell * 0.1)) * 2) / 2;
  const caption = cell < 44 ? 0 : Math.round(font * 2.7);
  const rows = Math.ceil(kMaxTiles / columns);
  return { columns, cell, border: cell < 60 ? 1.5 : cell < 100 ? 2 : 3, gap, font, caption, height: rows * (cell + caption) + gap * (rows - 1) };
}

// Those that leave no row nearly empty.
const tidyColumns = [2, 3, 4, 6, 8, kMaxColumns];

// The number of columns whose tiles are largest while all are in sight.
export const fittingColumns = (width: number, height: number): number =>
  tidyColumns.find((columns) => layoutFor(width, columns).height <= height) ?? kMaxColumns;

export function tileOrigin(layout: TileLayout, place: number): { x: number; y: number } {
  return {
    x: (place % layout.columns) * (layout.cell + layout.gap),
    y: Math.floor(place / layout.columns) * (layout.cell + layout.caption + layout.gap),
  };
}

const askedSizes = [32, 48, 64, 96, 128, 192, 256, 384, 512];

// The size to ask the trainer for: of the few that make no new demand for every pixel of a window, the next that is
// large enough.
export function askedPixels({ cell, border }: TileLayout, scale: number): number {
  const drawn = (cell - 2 * (border + 1)) * scale;
  return askedSizes.find((size) => size >= drawn) ?? askedSizes.at(-1)!;
}
