// How many bytes a second came lately. Times are passed in.
const kWindowMs = 5000;

export class ByteMeter {
  total = 0;
  private samples: { at: number; total: number }[] = [];

  add(bytes: number): void {
    this.total += bytes;
  }

  // To be called now and then; the mean since up to five seconds ago.
  rate(now: number): number {
    this.samples.push({ at: now, total: this.total });
    while (this.samples.length > 2 && this.samples[1]!.at <= now - kWindowMs) this.samples.shift();
    const first = this.samples[0]!;
    return now > first.at ? ((this.total - first.total) * 1000) / (now - first.at) : 0;
  }
}
