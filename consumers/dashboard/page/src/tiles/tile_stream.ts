// The tiles' own way from the socket to the canvas: decode, a ready queue of two (it takes the beat out of a 60 Hz sender
// on a 60 Hz screen; the oldest goes when it is full), one draw per animation frame, and credit back to the server only
// after drawing, so that a slow browser sees few tiles rather than old ones. Single-threaded; runs in a worker where
// there is one.
import { ServerClock } from "../clock";
import { LiveSocket, type SocketLike } from "../live_socket";
import { parseRecord } from "../protocol";
import { sessionId, type Session } from "../route";
import type { FrameReport } from "./messages";
import { TileBatch } from "./tile_batch";
import type { TilePainter } from "./tile_painter";

const kCredit = 3;
const kReady = 2;
const kMaxRateHz = 60;
const kRateWindowMs = 2000;

export class TileStream {
  private readonly socket: LiveSocket;
  private readonly clock = new ServerClock();
  private session: Session | null = null;
  private classNames: string[] = [];
  private ready: TileBatch[] = [];
  private decoding: Promise<void> = Promise.resolve();
  private newest = { incarnation: 0n, sequence: 0n };
  private drawnAt: number[] = [];
  private frames = 0;
  private dropped = 0;
  private scheduled = false;
  private shown: TileBatch | null = null;

  constructor(
    open: () => SocketLike,
    private readonly painter: TilePainter,
    private readonly report: (frame: FrameReport) => void,
  ) {
    this.socket = new LiveSocket(open, {
      opened: () => this.ask(),
      text: (raw) => this.hear(raw),
      bytes: (data) => this.take(new Uint8Array(data)),
      lost: () => {},
    });
    this.socket.connect();
  }

  // null: none, for example while the page is hidden or frozen.
  watch(session: Session | null, classNames: string[]): void {
    this.classNames = classNames;
    const changed = (session && sessionId(session)) !== (this.session && sessionId(this.session));
    if (!changed) return;
    this.session = session;
    this.newest = { incarnation: 0n, sequence: 0n };
    this.dropped = 0;
    this.drawnAt = [];
    for (const batch of this.ready.splice(0)) batch.close();
    this.ask();
  }

  // Draws the last batch again: the canvas was resized or its colours changed.
  redraw(): void {
    if (this.shown) this.painter.draw(this.shown, this.shown.verdicts(this.classNames));
  }

  private ask(): void {
    const wanted = this.session ? { ...this.session, credit: kCredit, max_rate_hz: kMaxRateHz } : {};
    this.socket.send({ type: "tiles", ...wanted });
  }

  // Of the texts only the server's time matters here; the trainers list is too long to parse for it.
  private hear(raw: string): void {
    const time = /"server_time_ms":(\d+)/.exec(raw);
    if (time) this.clock.heard(Number(time[1]));
  }

  private take(bytes: Uint8Array): void {
    const record = parseRecord(bytes);
    if (!this.session || record?.payload.case !== "batchData" || record.payload.value.images.length === 0) return;
    if (record.sessionId !== sessionId(this.session)) return;
    this.count(record.incarnation, record.sequence);
    // Decoded at once, queued in order.
    const decoded = TileBatch.decode(record).catch(() => null);
    this.decoding = this.decoding.then(async () => this.queue(await decoded));
  }

  private count(incarnation: bigint, sequence: bigint): void {
    const { newest } = this;
    if (incarnation === newest.incarnation && sequence > newest.sequence) {
      this.dropped += Number(sequence - newest.sequence) - 1;
    }
    this.newest = { incarnation, sequence };
  }

  private queue(batch: TileBatch | null): void {
    if (!batch || !this.session || batch.sessionId !== sessionId(this.session)) {
      if (!batch) this.drop();
      batch?.close();
      return;
    }
    this.ready.push(batch);
    while (this.ready.length > kReady) {
      this.ready.shift()!.close();
      this.drop();
    }
    this.schedule();
  }

  private drop(): void {
    this.dropped++;
    this.socket.send({ type: "credit", n: 1 });
  }

  private schedule(): void {
    if (this.scheduled || this.ready.length === 0) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.drawNext();
      this.schedule();
    });
  }

  private drawNext(): void {
    const batch = this.ready.shift();
    if (!batch) return;
    const verdicts = batch.verdicts(this.classNames);
    this.painter.draw(batch, verdicts);
    this.socket.send({ type: "credit", n: 1 });
    this.shown?.close();
    this.shown = batch;
    this.frames++;
    this.report({
      type: "frame",
      session: batch.sessionId,
      frames: this.frames,
      step: Number(batch.data.step),
      epoch: batch.data.epoch,
      batch: batch.data.batchIdx,
      verdicts,
      fps: this.rate(performance.now()),
      ageMs: this.clock.now() - batch.timestampMs,
      dropped: this.dropped,
      tileWidth: batch.tiles[0]?.width ?? 0,
      tileHeight: batch.tiles[0]?.height ?? 0,
    });
  }

  private rate(now: number): number {
    this.drawnAt.push(now);
    while (this.drawnAt[0]! < now - kRateWindowMs) this.drawnAt.shift();
    const span = now - this.drawnAt[0]!;
    return span > 0 ? ((this.drawnAt.length - 1) * 1000) / span : 0;
  }
}
