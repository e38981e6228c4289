// What the views may read and ask for.
import type { AlertDesk } from "./alerts";
import type { ChartSettings } from "./chart_settings";
import type { Compared } from "./compare";
import type { CompareData } from "./compare_data";
import type { EarlierCurve } from "./earlier_curves";
import type { CommandEvent, CommandVerb, Points, Trainer } from "./protocol";
import type { Site } from "./sites";
import type { SchedulePlayer } from "./schedule";
import type { State } from "./state";
import type { Login } from "./login";
import type { Theme } from "./theme";
import type { Range, Timeline, XMode } from "./timeline";
import type { TileView } from "./tiles/tile_view";

// How the charts of a page are looked at, and how to change that.
export interface ChartView {
  settings: ChartSettings; // settings.range is the range that is shown
  timeline: Timeline;
  extent: Range | null; // of x, over all curves; null: each chart has its own
  canGoBack: boolean;
  change(changed: Partial<ChartSettings>): void;
  // `moving`: one of many small steps, which are one in the history of ranges.
  setRange(range: Range | null, moving: boolean): void;
  setY(id: string, range: Range | null): void; // of one chart; null: what its values need
  back(): void;
  // Over what a curve is drawn: settings.x, unless that is not known of it.
  modeOf(series: string): XMode;
  // The points of a curve to draw: the finest that have arrived for the range.
  pointsOf(series: string): Points;
  hasEarlier: boolean; // incarnations of which a later one did something again
  earlierOf(series: string): EarlierCurve[]; // none while they are not to be shown
}

export interface CompareView {
  compared: Compared;
  data: CompareData;
  change(changed: Partial<Compared>): void;
}

export interface Page {
  state: State;
  theme: Theme;
  login: Login;
  now: number; // local ms, the same for one paint
  tiles: () => TileView;
  charts: ChartView;
  alertDesk: AlertDesk;
  compare: CompareView;
  sites: Site[]; // whose trainers are in the list; none: there is one
  // `knob` is what SET_KNOB sets. Throws with one line.
  issue(trainer: Trainer, type: CommandVerb, value: string, knob?: string): Promise<CommandEvent>;
  hash(): string; // of the address
  replaceParams(params: URLSearchParams): void; // what the address says of the view
  toggleTheme(): void;
  repaint(): void;
  schedules: SchedulePlayer;
  bytesPerSecond: number; // that come for this page, its tiles apart
}
