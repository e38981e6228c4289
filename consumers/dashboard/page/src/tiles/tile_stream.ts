// The tiles' own way from the socket to the canvas: decode, a ready queue of two (it takes the beat out of a 60 Hz sender
// on a 60 Hz screen; the oldest goes when it is full), one draw per animation frame, and credit back to the server only
// after drawing, so that a slow browser sees few tiles rather than old ones. Single-threaded; runs in a worker where
// there is one.
import { ByteMeter } from "../byte_meter";
import { ServerClock } from "../clock";
import { LiveSocket, type SocketLike } from "../live_socket";
import { parseRecord } from "../protocol";
import { sessionId, type Session } from "../route";
import { arranged, asTheyCome, type Arrangement } from "./arrangement";
import type { FromWorker, TileVerdict } from "./messages";
import { TileBatch } from "./tile_batch";
import { TileHistory } from "./tile_history";
import type { TilePainter } from "./tile_painter";

const kCredit = 3;
const kReady = 2;
const kMaxRateHz = 60;
const kRateWindowMs = 2000;

export class TileStream {
  private readonly socket: LiveSocket;
  private readonly clock = new ServerClock();
  private readonly meter = new ByteMeter();
  private bytesPerSecond = 0;
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
  private verdicts: TileVerdict[] = []; // of what is shown
  private readonly history = new TileHistory();
  private arrangement = asTheyCome;
  private maxPixels = 0;
  private back: number | null = null; // frozen: how far from the newest; null: live

  constructor(
    open: () => SocketLike,
    private readonly painter: TilePainter,
    private readonly report: (said: FromWorker) => void,
  ) {
    this.socket = new LiveSocket(open, {
      opened: () => this.ask(),
      text: (raw) => {
        this.bytesPerSecond = this.meter.rate(performance.now()); // twice a second
        this.hear(raw);
      },
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
    this.back = null;
    if (session) this.history.clear();
    for (const batch of this.ready.splice(0)) batch.close();
    this.ask();
  }

  // The longer side of a tile that is of use.
  askFor(maxPixels: number): void {
    if (maxPixels === this.maxPixels) return;
    this.maxPixels = maxPixels;
    this.ask();
  }

  arrange(arrangement: Arrangement): void {
    this.arrangement = arrangement;
    this.redraw();
    if (this.shown) this.tell(this.shown);
  }

  // Frozen, no tiles are asked for, and the batches that were kept can be shown.
  freeze(back: number | null): void {
    const was = this.back;
    this.back = back;
    if (back === null) {
      if (was !== null) this.ask();
      return;
    }
    if (was !== null) return void this.showKept();
    // What is on screen stays.
    this.ask();
    for (const batch of this.ready.splice(0)) batch.close();
    if (!this.shown) return;
    this.back = this.history.backOf(this.shown.sequence);
    this.tell(this.shown);
  }

  async picture(index: number): Promise<void> {
    const picture = await this.shown?.picture(index);
    if (picture) this.report({ type: "picture", index, picture });
  }

  private async showKept(): Promise<void> {
    const wanted = this.back;
    const kept = wanted === null ? undefined : this.history.at(wanted);
    const record = kept && parseRecord(kept.bytes);
    const batch = record && (await TileBatch.decode(record).catch(() => null));
    if (!batch || this.back !== wanted) return batch?.close();
    this.show(batch);
  }

  // Draws the last batch again: the canvas was resized or its colours changed.
  redraw(): void {
    if (this.shown) this.painter.draw(this.shown, this.verdicts, arranged(this.verdicts, this.arrangement));
  }

  private ask(): void {
    const asked = this.session !== null && this.back === null && this.maxPixels > 0;
    const wanted = asked ? { ...this.session, credit: kCredit, max_rate_hz: kMaxRateHz, max_pixels: this.maxPixels } : {};
    this.socket.send({ type: "tiles", ...wanted });
  }

  // Of the texts only the server's time matters here.
  private hear(raw: string): void {
    const time = /"server_time_ms":(\d+)/.exec(raw);
    if (time) this.clock.heard(Number(time[1]));
  }

  private take(bytes: Uint8Array): void {
    this.meter.add(bytes.length);
    const record = parseRecord(bytes);
    if (!this.session || record?.payload.case !== "batchData" || record.payload.value.images.length === 0) return;
    if (record.sessionId !== sessionId(this.session)) return;
    if (this.back !== null) return;
    this.count(record.incarnation, record.sequence);
    this.history.add({ bytes, sequence: record.sequence });
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
    if (!batch || this.back !== null || !this.session || batch.sessionId !== sessionId(this.session)) {
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
    this.socket.send({ type: "credit", n: 1 });
    this.frames++;
    this.drawnAt.push(performance.now());
    this.show(batch);
  }

  private show(batch: TileBatch): void {
    this.shown?.close();
    this.shown = batch;
    this.verdicts = batch.verdicts(this.classNames);
    this.redraw();
    this.tell(batch);
  }

  private tell(batch: TileBatch): void {
    const { verdicts } = this;
    this.report({
      type: "frame",
      session: batch.sessionId,
      frames: this.frames,
      step: Number(batch.data.step),
      epoch: batch.data.epoch,
      batch: batch.data.batchIdx,
      verdicts,
      shown: arranged(verdicts, this.arrangement),
      fps: this.rate(performance.now()),
      ageMs: this.clock.now() - batch.timestampMs,
      bytesPerSecond: this.bytesPerSecond,
      dropped: this.dropped,
      tileWidth: batch.tiles[0]?.width ?? 0,
      tileHeight: batch.tiles[0]?.height ?? 0,
      back: this.back ?? 0,
      kept: this.history.length,
      live: this.back === null,
    });
  }

  private rate(now: number): number {
    while ((this.drawnAt[0] ?? now) < now - kRateWindowMs) this.drawnAt.shift();
    const span = now - (this.drawnAt[0] ?? now);
    return span > 0 ? ((this.drawnAt.length - 1) * 1000) / span : 0;
  }
}
