// What the views may read and ask for.
import type { CommandVerb, Points, SeriesName } from "./protocol";
import type { Session } from "./route";
import type { State } from "./state";
import type { Theme } from "./theme";
import type { TileView } from "./tiles/tile_view";

export interface Zoom {
  min: number;
  max: number;
  points: Partial<Record<SeriesName, Points>>; // what has arrived of the finer points
}
export type Axis = "step" | "epoch";

export interface Page {
  state: State;
  theme: Theme;
  now: number; // local ms, the same for one paint
  tiles: () => TileView;
  zoom: Record<Axis, Zoom | null>;
  setZoom(axis: Axis, range: { min: number; max: number } | null): void;
  issue(session: Session, type: CommandVerb, value: string): Promise<void>; // throws with one line
  toggleTheme(): void;
  repaint(): void;
}
