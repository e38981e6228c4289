// The one canvas of the page and its player: made on first use, kept while the page lives, put where it is shown. It
// asks for tiles only while somebody can see them, so that an unwatched trainer encodes none.
import type { Session } from "../route";
import { tileColours } from "../theme";
import { asTheyCome, type Arrangement } from "./arrangement";
import type { FrameReport, FromWorker } from "./messages";
import { layoutFor } from "./tile_layout";
import { newTilePlayer, type TilePlayer } from "./tile_player";

export class TileView {
  readonly canvas = document.createElement("canvas");
  frame: FrameReport | null = null;
  frameAt = 0; // local ms of the last live one
  askedAt = 0; // local ms: since when tiles are asked for
  frozen = false;
  arrangement: Arrangement = asTheyCome;
  private readonly post: TilePlayer;
  private session: Session | null = null;
  private classNames: string[] = [];
  private size = { width: 0, columns: 0 };
  private pictureWanted: ((picture: ImageBitmap) => void) | null = null;

  constructor(
    url: string,
    private readonly changed: () => void,
    private readonly predicted: (frame: FrameReport) => void, // live ones
  ) {
    this.canvas.setAttribute("role", "img");
    this.canvas.dataset.testid = "tiles-canvas";
    this.post = newTilePlayer(this.canvas, url, (said) => this.hear(said));
    this.recolour();
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
      this.arrange({ ...this.arrangement, truth: "" });
    }
    this.ask();
  }

  freeze(frozen: boolean): void {
    if (frozen === this.frozen) return;
    this.frozen = frozen;
    if (!frozen) this.askedAt = Date.now();
    this.post({ type: "freeze", back: frozen ? 0 : null });
  }

  // While frozen: the batch that is so many before the newest.
  stepTo(back: number): void {
    if (this.frozen) this.post({ type: "freeze", back: Math.max(0, Math.min(back, (this.frame?.kept ?? 1) - 1)) });
  }

  arrange(arrangement: Arrangement): void {
    this.arrangement = arrangement;
    this.post({ type: "arrange", arrangement });
  }

  // A tile of the batch on screen as a picture of its own; whoever gets it closes it.
  picture(index: number, take: (picture: ImageBitmap) => void): void {
    this.pictureWanted = take;
    this.post({ type: "picture", index });
  }

  fit(width: number, columns: number): void {
    if (width < 1 || (width === this.size.width && columns === this.size.columns)) return;
    this.size = { width, columns };
    const { height } = layoutFor(width, columns);
    this.canvas.style.height = `${height}px`;
    this.post({ type: "size", size: { width, height, columns, scale: Math.min(devicePixelRatio || 1, 2) } });
  }

  recolour(): void {
    this.post({ type: "colours", colours: tileColours() });
  }

  private ask(): void {
    this.askedAt = Date.now();
    this.post({ type: "watch", session: document.hidden && !this.frozen ? null : this.session, classNames: this.classNames });
  }

  private hear(said: FromWorker): void {
    if (said.type === "frame") return this.onFrame(said);
    const take = this.pictureWanted;
    this.pictureWanted = null;
    if (take) take(said.picture);
    else said.picture.close();
  }

  private onFrame(frame: FrameReport): void {
    if (!this.session || frame.session !== `${this.session.run}/${this.session.trainer}`) return;
    const isNew = frame.live && frame.frames !== this.frame?.frames;
    this.frame = frame;
    if (isNew) {
      this.frameAt = Date.now();
      this.predicted(frame);
    }
    const { dataset } = this.canvas;
    dataset.frames = String(frame.frames);
    dataset.step = String(frame.step);
    dataset.ageMs = frame.ageMs.toFixed(1);
    dataset.tiles = String(frame.shown.length);
    dataset.pixels = String(frame.tileWidth);
    this.changed();
  }
}
