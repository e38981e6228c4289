// Where the 16 tiles and their captions lie: a 4 x 4 grid in CSS pixels.
export const kColumns = 4;
export const kMaxTiles = 16;

export interface TileLayout {
  cell: number; // width of a tile with its border
  border: number;
  gap: number;
  font: number;
  caption: number; // height of the two lines below a tile
  height: number; // of the whole grid
}

export function layoutFor(width: number): TileLayout {
  const gap = width < 420 ? 6 : 10;
  const cell = Math.max(24, (width - gap * (kColumns - 1)) / kColumns);
  const font = Math.round(Math.min(12.5, Math.max(9.5, cell * 0.1)) * 2) / 2;
  const caption = Math.round(font * 2.7);
  const rows = kMaxTiles / kColumns;
  return { cell, border: cell < 100 ? 2 : 3, gap, font, caption, height: rows * (cell + caption) + gap * (rows - 1) };
}

export function tileOrigin(layout: TileLayout, index: number): { x: number; y: number } {
  return {
    x: (index % kColumns) * (layout.cell + layout.gap),
    y: Math.floor(index / kColumns) * (layout.cell + layout.caption + layout.gap),
  };
}
