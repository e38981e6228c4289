// A link between the browser and the dashboard: counts the bytes to the browser, and may be a slow one.
import net from "node:net";
import { once } from "node:events";

export class Link {
  bytes = 0;
  // 0: as fast as it goes.
  constructor(bytesPerSecond = 0) {
    this.bytesPerSecond = bytesPerSecond;
    this.freeAt = 0;
  }

  async start(port) {
    this.server = net.createServer((near) => {
      const far = net.connect(port, "127.0.0.1");
      for (const end of [near, far]) end.setNoDelay(true).on("error", () => end.destroy());
      near.pipe(far);
      far.on("data", (data) => this.carry(data, far, near)).on("end", () => near.end());
    });
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  // All connections share what it carries.
  carry(data, far, near) {
    this.bytes += data.length;
    near.write(data);
    if (this.bytesPerSecond === 0) return;
    const now = performance.now();
    this.freeAt = Math.max(now, this.freeAt) + (data.length * 1000) / this.bytesPerSecond;
    far.pause();
    setTimeout(() => far.resume(), this.freeAt - now);
  }

  stop() {
    this.server.close();
  }
}
