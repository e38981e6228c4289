// What the views may read and ask for.
import type { Axis, CommandEvent, CommandVerb, Points } from "./protocol";
import type { Session } from "./route";
import type { State } from "./state";
import type { Theme } from "./theme";
import type { TileView } from "./tiles/tile_view";

export interface Zoom {
  min: number;
  max: number;
  points: Map<string, Points>; // what has arrived of the finer points
}

export interface Page {
  state: State;
  theme: Theme;
  now: number; // local ms, the same for one paint
  tiles: () => TileView;
  zoom: Record<Axis, Zoom | null>;
  setZoom(axis: Axis, range: { min: number; max: number } | null): void;
  // `knob` is what SET_KNOB sets. Throws with one line.
  issue(session: Session, type: CommandVerb, value: string, knob?: string): Promise<CommandEvent>;
  toggleTheme(): void;
  repaint(): void;
}
