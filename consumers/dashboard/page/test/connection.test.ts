import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerClock } from "../src/clock";
import { isEnded, valueProblem } from "../src/command";
import { LiveSocket, type SocketLike, type Timers } from "../src/live_socket";
import { parseRoute, trainerHref } from "../src/route";

class FakeSocket implements SocketLike {
  binaryType = "";
  onopen: SocketLike["onopen"] = null;
  onclose: SocketLike["onclose"] = null;
  onmessage: SocketLike["onmessage"] = null;
  sent: string[] = [];
  closed = false;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
}

class ManualTimers implements Timers {
  private now = 0;
  private due = new Map<number, { at: number; callback: () => void }>();
  private last = 0;
  set(callback: () => void, ms: number): number {
    this.due.set(++this.last, { at: this.now + ms, callback });
    return this.last;
  }
  clear(timer: number): void {
    this.due.delete(timer);
  }
  tick(ms: number): void {
    this.now += ms;
    for (const [timer, { at, callback }] of [...this.due]) {
      if (at > this.now) continue;
      this.due.delete(timer);
      callback();
    }
  }
}

function connected() {
  const sockets: FakeSocket[] = [];
  const log: string[] = [];
  const open = () => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  };
  const timers = new ManualTimers();
  const handlers = {
    opened: () => log.push("opened"),
    text: (raw: string) => log.push(raw),
    bytes: (data: ArrayBuffer) => log.push(`${data.byteLength} bytes`),
    lost: () => log.push("lost"),
  };
  const live = new LiveSocket(open, handlers, timers);
  live.connect();
  return { sockets, log, live, timers };
}

test("a lost connection is tried again, with a growing pause, until it is open", () => {
  const { sockets, log, timers } = connected();
  sockets[0]!.onopen!({} as Event);
  for (let attempt = 1; attempt <= 3; attempt++) {
    sockets[attempt - 1]!.onclose!({} as CloseEvent);
    timers.tick(1300);
    assert.equal(sockets.length, attempt + 1);
  }
  sockets[3]!.onclose!({} as CloseEvent);
  timers.tick(1400);
  assert.equal(sockets.length, 4, "the fourth pause is longer");
  timers.tick(1300);
  sockets[4]!.onopen!({} as Event);
  assert.deepEqual(log, ["opened", "lost", "lost", "lost", "lost", "opened"]);
});

test("a server that says nothing is given up, and its late words are not heard", () => {
  const { sockets, log, timers } = connected();
  const hear = sockets[0]!;
  hear.onopen!({} as Event);
  timers.tick(5000);
  hear.onmessage!({ data: "word" } as MessageEvent);
  timers.tick(5000);
  assert.equal(hear.closed, false);
  timers.tick(1000);
  assert.equal(hear.closed, true);
  assert.equal(hear.onmessage, null);
  assert.deepEqual(log, ["opened", "word", "lost"]);
});

test("nothing is sent before the connection is open", () => {
  const { sockets, live } = connected();
  live.send({ type: "watch" });
  sockets[0]!.onopen!({} as Event);
  live.send({ type: "watch" });
  assert.deepEqual(sockets[0]!.sent, ['{"type":"watch"}']);
});

test("the server's clock is the one of the fastest message of the last minute", () => {
  const clock = new ServerClock();
  clock.heard(10_000, 9_000);
  clock.heard(10_500, 9_700); // 200 ms late
  assert.equal(clock.now(20_000), 21_000);
  clock.heard(12_010, 11_000); // 10 ms faster than the first
  assert.equal(clock.now(20_000), 21_010);
  clock.heard(80_000, 79_900);
  assert.equal(clock.now(80_000), 80_100, "the old sample is forgotten");
});

test("values are refused in the broker's words", () => {
  assert.equal(valueProblem("CHANGE_LEARNING_RATE", "1e-4"), "");
  assert.equal(valueProblem("CHANGE_LEARNING_RATE", "0"), "learning rate must be a finite number above 0, got '0'");
  assert.equal(valueProblem("CHANGE_LEARNING_RATE", ""), "learning rate must be a finite number above 0, got nothing");
  assert.equal(valueProblem("ADJUST_BATCH_SIZE", "64"), "");
  for (const bad of ["0", "1.5", "1048577", "many", " "]) {
    assert.match(valueProblem("ADJUST_BATCH_SIZE", bad), /^batch size must be a whole number from 1 to 1048576, got /);
  }
  assert.deepEqual((["ISSUED", "DELIVERED", "APPLIED", "UNKNOWN"] as const).map(isEnded), [false, false, true, true]);
});

test("addresses lead to a trainer's page or to the overview", () => {
  assert.deepEqual(parseRoute(trainerHref({ run: "a.b", trainer: "t-0" })), { page: "trainer", run: "a.b", trainer: "t-0" });
  for (const hash of ["", "#/", "#/trainer/a", "#/trainer/a/b/c", "#/trainer/a b/c", "#/dance"]) {
    assert.equal(parseRoute(hash).page, "overview", hash);
  }
});
