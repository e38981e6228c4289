// The newest batches of tiles as they came, to step back through while frozen. Bounded in number and in bytes.
export interface KeptBatch {
  bytes: Uint8Array;
  sequence: bigint;
}

export const kMaxBatches = 200;
const kMaxBytes = 96 << 20;

export class TileHistory {
  private batches: KeptBatch[] = [];
  private bytes = 0;

  get length(): number {
    return this.batches.length;
  }

  add(batch: KeptBatch): void {
    this.batches.push(batch);
    this.bytes += batch.bytes.length;
    while (this.batches.length > kMaxBatches || (this.bytes > kMaxBytes && this.batches.length > 1)) {
      this.bytes -= this.batches.shift()!.bytes.length;
    }
  }

  clear(): void {
    this.batches = [];
    this.bytes = 0;
  }

  // 0: the newest. The nearest there is.
  at(back: number): KeptBatch | undefined {
    return this.batches[Math.min(this.batches.length - 1, Math.max(0, this.batches.length - 1 - back))];
  }

  // How far back the batch lies; 0 when it is gone.
  backOf(sequence: bigint): number {
    const at = this.batches.findIndex((batch) => batch.sequence === sequence);
    return at < 0 ? 0 : this.batches.length - 1 - at;
  }
}
