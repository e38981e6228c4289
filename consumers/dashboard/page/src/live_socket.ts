// A WebSocket that comes back: it reconnects with a growing pause, and gives up a connection on which the server, which
// speaks twice a second, has been silent for too long. The socket and the timers are passed in.
const kFirstPauseMs = 250;
const kLongestPauseMs = 5000;
const kSilenceMs = 6000;

export interface SocketLike {
  binaryType: string;
  onopen: ((event: Event) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface Timers {
  set(callback: () => void, ms: number): number;
  clear(timer: number): void;
}
export const realTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms) as unknown as number,
  clear: (timer) => clearTimeout(timer),
};

export interface LiveSocketHandlers {
  opened(): void;
  text(raw: string): void;
  bytes(data: ArrayBuffer): void;
  lost(): void; // once per connection, and per failed attempt
}

export class LiveSocket {
  private socket: SocketLike | null = null;
  private opened = false;
  private pauseMs = kFirstPauseMs;
  private pause = 0;
  private silence = 0;

  constructor(
    private readonly open: () => SocketLike,
    private readonly handlers: LiveSocketHandlers,
    private readonly timers: Timers = realTimers,
  ) {}

  // Connects now, without waiting for the pause to end.
  connect(): void {
    this.timers.clear(this.pause);
    if (this.socket) return;
    const socket = this.open();
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.onOpen();
    socket.onmessage = (event: MessageEvent) => this.onMessage(event.data);
    socket.onclose = () => this.onLost(socket);
    this.expectWord(socket);
  }

  // Says it if the connection is open, else drops it: `opened` is where a new connection is told what is wanted.
  send(message: object): void {
    if (this.socket && this.opened) this.socket.send(JSON.stringify(message));
  }

  private onOpen(): void {
    this.opened = true;
    this.handlers.opened();
  }

  private onMessage(data: unknown): void {
    this.pauseMs = kFirstPauseMs;
    if (this.socket) this.expectWord(this.socket);
    if (typeof data === "string") this.handlers.text(data);
    else if (data instanceof ArrayBuffer) this.handlers.bytes(data);
  }

  private expectWord(socket: SocketLike): void {
    this.timers.clear(this.silence);
    this.silence = this.timers.set(() => {
      socket.close();
      this.onLost(socket);
    }, kSilenceMs);
  }

  private onLost(socket: SocketLike): void {
    if (this.socket !== socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    this.socket = null;
    this.opened = false;
    this.timers.clear(this.silence);
    this.handlers.lost();
    this.pause = this.timers.set(() => this.connect(), this.pauseMs * (0.75 + Math.random() / 2));
    this.pauseMs = Math.min(this.pauseMs * 2, kLongestPauseMs);
  }
}
