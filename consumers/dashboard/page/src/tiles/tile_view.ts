// The one canvas of the page and its player: made on first use, kept while the page lives, put where it is shown. It
// asks for tiles only while somebody can see them, so that an unwatched trainer encodes none.
import type { Session } from "../route";
import { tileColours } from "../theme";
import type { FrameReport } from "./messages";
import { layoutFor } from "./tile_layout";
import { newTilePlayer, type TilePlayer } from "./tile_player";

export class TileView {
  readonly canvas = document.createElement("canvas");
  frame: FrameReport | null = null;
  frameAt = 0; // local ms
  askedAt = 0; // local ms: since when tiles are asked for
  frozen = false;
  private readonly player: TilePlayer;
  private session: Session | null = null;
  private classNames: string[] = [];
  private width = 0;

  constructor(url: string, private readonly changed: () => void) {
    this.canvas.setAttribute("role", "img");
    this.canvas.dataset.testid = "tiles-canvas";
    this.player = newTilePlayer(this.canvas, url, (frame) => this.onFrame(frame));
    this.player.recolour(tileColours());
    document.addEventListener("visibilitychange", () => this.ask());
  }

  show(session: Session | null, classNames: string[]): void {
    const same = session?.run === this.session?.run && session?.trainer === this.session?.trainer;
    if (same && classNames.length === this.classNames.length) return;
    this.session = session && { run: session.run, trainer: session.trainer };
    this.classNames = classNames;
    if (!same) {
      this.frame = null;
      this.frozen = false;
    }
    this.ask();
  }

  freeze(frozen: boolean): void {
    this.frozen = frozen;
    this.ask();
  }

  fit(width: number): void {
    if (width === this.width || width < 1) return;
    this.width = width;
    const height = layoutFor(width).height;
    this.canvas.style.height = `${height}px`;
    this.player.resize({ width, height, scale: Math.min(devicePixelRatio || 1, 2) });
  }

  recolour(): void {
    this.player.recolour(tileColours());
  }

  private ask(): void {
    this.askedAt = Date.now();
    this.player.watch(this.frozen || document.hidden ? null : this.session, this.classNames);
  }

  private onFrame(frame: FrameReport): void {
    if (!this.session || frame.session !== `${this.session.run}/${this.session.trainer}`) return;
    this.frame = frame;
    this.frameAt = Date.now();
    const { dataset } = this.canvas;
    dataset.frames = String(frame.frames);
    dataset.step = String(frame.step);
    dataset.ageMs = frame.ageMs.toFixed(1);
    dataset.tiles = String(frame.verdicts.length);
    this.changed();
  }
}
