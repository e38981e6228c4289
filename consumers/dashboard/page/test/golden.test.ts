// The messages that the server's own test wrote: what it says is what the page understands.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseServerText, type ServerMessage } from "../src/protocol";
import { applyMessage, newState, newWatched } from "../src/state";

const file = new URL("../../../../../tests/schema/page_messages.txt", import.meta.url);
const messages = readFileSync(file, "utf8").trim().split("\n").map((line) => {
  const message = parseServerText(line);
  assert.ok(message, line.slice(0, 80));
  return message;
});
const of = <T extends ServerMessage["type"]>(type: T) => messages.filter((message): message is ServerMessage & { type: T } => message.type === type);

test("each message of the server is understood, and none is missing", () => {
  assert.deepEqual(messages.map(({ type }) => type), ["hello", "bus", "list", "list", "history", "history", "reset", "media", "bye"]);
});

test("hello, bus and bye say what the server said", () => {
  assert.deepEqual(of("hello"), [{ type: "hello", version: "0.1.0", broker: "tcp://127.0.0.1:7760", server_time_ms: 1_700_000_000_500 }]);
  assert.equal(of("bus")[0]!.broker_connected, true);
  assert.deepEqual(of("bus")[0]!.troubles, [{ program: "log-jsonl", rule: "sink_failing", message: "no space left", since_ms: 1_699_999_999_500 }]);
  assert.equal(of("bye")[0]!.reason, "the server is going away");
  assert.deepEqual([...of("reset"), ...of("media")].map(({ run, trainer }) => `${run}/${trainer}`), ["mnist/t0", "mnist/t0"]);
});

test("every value of a row is one that the page knows", () => {
  const state = newState({ page: "overview" });
  for (const message of of("list")) applyMessage(state, message, 0);
  assert.deepEqual([...state.trainers.keys()], ["mnist/t0"]);
  const trainer = state.trainers.get("mnist/t0")!;
  const { id, ...row } = of("list")[0]!.rows[0]!;
  assert.equal(typeof id, "number");
  for (const name of Object.keys(row)) assert.ok(name in trainer || name in trainer.columns, `${name} is not known to the page`);
  assert.equal(trainer.step, 487);
  assert.ok(Number.isNaN(trainer.loss));
  assert.deepEqual({ ...trainer.not_finite, value: 0 }, { name: "loss", step: 487, value: 0 });
  assert.equal(trainer.incarnation, 1_782_579_200_000_000_042n);
  assert.equal(typeof trainer.columns["value:val/iou"], "number");
  assert.deepEqual(of("list")[1]!.rows, [], "nothing changed since");
});

test("a history has the curves, the plan and the events", () => {
  const state = newState({ page: "trainer", run: "mnist", trainer: "t0" });
  state.watched = newWatched({ run: "mnist", trainer: "t0" });
  applyMessage(state, of("history")[0]!, 0);
  const { watched } = state;
  assert.equal(watched.phase, "live");
  assert.ok(watched.series.get("batch_loss")!.y.some(Number.isNaN));
  assert.ok(watched.plan!.knobs.length > 0 && watched.plan!.classNames.length > 0);
  assert.deepEqual(watched.events.map(({ kind }) => kind).sort(), ["alert", "command", "status"]);
  assert.equal(watched.incarnations.length, 1);
  assert.equal(of("history")[1]!.trainer_info, null);
});
