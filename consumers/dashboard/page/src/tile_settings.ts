// How the tiles are shown: kept for the user.
export interface TileSettings {
  columns: number; // 2..16; 0: as many as fit
  wide: boolean; // over the whole page, not beside the charts
}

export function readTileSettings(stored: string): TileSettings {
  const [columns, wide] = stored.split(" ");
  const count = Number(columns);
  return { columns: Number.isInteger(count) && count >= 2 && count <= 16 ? count : 0, wide: wide === "wide" };
}

export const tileSettingsText = ({ columns, wide }: TileSettings): string => `${columns} ${wide ? "wide" : "side"}`;
