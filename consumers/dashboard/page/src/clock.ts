// The server's clock, seen from here. A message can only arrive late, so the largest (server time - local time) of the
// last minute is the closest to the truth; what remains is the fastest delivery of that minute, well under a millisecond
// on a local network.
const kWindowMs = 60_000;

export class ServerClock {
  private samples: { at: number; offset: number }[] = [];

  heard(serverTimeMs: number, now = Date.now()): void {
    if (serverTimeMs <= 0) return;
    const offset = serverTimeMs - now;
    this.samples = this.samples.filter((sample) => sample.at > now - kWindowMs && sample.offset > offset);
    this.samples.push({ at: now, offset });
  }

  // Server time minus local time, in milliseconds; 0 before anything was heard.
  get offset(): number {
    return this.samples[0]?.offset ?? 0;
  }

  now(localNow = Date.now()): number {
    return localNow + this.offset;
  }
}
