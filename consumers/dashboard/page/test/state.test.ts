import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CommandState, CommandType, MetricsRequestSchema } from "../generated/trainbus_pb";
import { parseServerText, type CommandEvent, type CommandPhase } from "../src/protocol";
import { applyCommand, applyMessage, applyRecord, curveOf, newState, newWatched, type State } from "../src/state";

const now = 1_700_000_000_000;
const session = { run: "mnist", trainer: "t0" };

function watching(lossSteps: number[], { incarnation = "5", offset = 0 } = {}): State {
  const state = newState({ page: "trainer", ...session });
  state.watched = newWatched(session);
  const info = { ...session, state: "ALIVE", incarnation, parameters: {}, knobs: [{ name: "weight_decay", type: "number", value: "0.1" }] };
  const incarnations = [{ incarnation, offset, begin: offset + 1 }];
  const series = { batch_loss: { x: lossSteps, y: lossSteps.map(() => 1) } };
  const message = parseServerText(JSON.stringify({ type: "history", ...session, trainer_info: info, series, incarnations, events: [] }));
  assert.ok(message);
  applyMessage(state, message, now);
  return state;
}

const curve = (state: State, name: string) => curveOf(state.watched!, name);

type Payload = MessageInitShape<typeof MetricsRequestSchema>["payload"] & {};
const record = (payload: Payload, incarnation = 5n, sessionId = "mnist/t0") =>
  create(MetricsRequestSchema, { sessionId, incarnation, timestampMs: BigInt(now), payload });
const batch = (step: number, batchLoss = 0.5): Payload => ({ case: "batchData", value: { step: BigInt(step), batchLoss, learningRate: 0.1 } });

const command = (state: CommandPhase, id = "c1"): CommandEvent => ({
  kind: "command", ...session, timestamp_ms: now, step: 0, incarnation: 5n, command_id: id, type: "PAUSE_TRAINING", name: "", value: "", state,
  issuer: "dashboard", old_value: "", new_value: "", reason: "",
});

test("live records follow the history", () => {
  const state = watching([1, 2]);
  applyRecord(state, record(batch(3)), now);
  applyRecord(state, record({ case: "epochData", value: { epoch: 1, averageLoss: 0.4, validationLoss: 0.6 } }), now);
  assert.deepEqual(curve(state, "batch_loss").x, [1, 2, 3]);
  assert.deepEqual(curve(state, "validation_loss").y, [0.6]);
  assert.equal(curve(state, "validation_accuracy").length, 0);
});

test("records before the history, and of another trainer, change no curve", () => {
  const state = newState({ page: "trainer", ...session });
  state.watched = newWatched(session);
  applyRecord(state, record(batch(1)), now);
  assert.equal(curve(state, "batch_loss").length, 0);
  const live = watching([1]);
  applyRecord(live, record(batch(2), 5n, "mnist/t1"), now);
  assert.equal(curve(live, "batch_loss").length, 1);
});

test("another incarnation's records wait for the server's word, which moves the curves", () => {
  const state = watching([1, 2, 3, 4]);
  applyRecord(state, record(batch(2, 0.1), 6n), now);
  applyRecord(state, record(batch(5, 9), 4n), now);
  assert.deepEqual(curve(state, "batch_loss").x, [1, 2, 3, 4]);
});

test("a resumed incarnation goes on where the server placed it", () => {
  const state = watching([319, 320], { incarnation: "6", offset: 320 });
  applyRecord(state, record(batch(1, 0.1), 6n), now);
  applyRecord(state, record({ case: "scalarData", value: { step: 2n, values: { "val/iou": 0.5 } } }, 6n), now);
  assert.deepEqual(curve(state, "batch_loss").x, [319, 320, 321]);
  assert.deepEqual(curve(state, "val/iou").x, [322]);
});

test("the first incarnation of a trainer needs no history to begin", () => {
  const state = newState({ page: "trainer", ...session });
  state.watched = newWatched(session);
  applyMessage(state, parseServerText(JSON.stringify({ type: "history", ...session, trainer_info: null, series: {}, events: [] }))!, now);
  applyRecord(state, record(batch(1), 9n), now);
  assert.deepEqual(curve(state, "batch_loss").x, [1]);
});

test("what was not said makes no point, and NaN makes one", () => {
  const state = watching([1]);
  applyRecord(state, record({ case: "batchData", value: { step: 2n, scalars: { gen_loss: NaN, fps: 3 } } }), now);
  assert.deepEqual(curve(state, "batch_loss").x, [1]);
  assert.equal(curve(state, "batch_accuracy").length, 0);
  assert.deepEqual(curve(state, "gen_loss").y, [NaN]);
  assert.deepEqual(curve(state, "scalars/fps").y, [3], "a name of the bus's own keeps apart");
});

test("an applied command is the value in force, and a plan said again replaces all", () => {
  const state = watching([1]);
  const set = { commandId: "k", type: CommandType.SET_KNOB, parameters: { name: "weight_decay", value: "0.2" }, newValue: "0.2" };
  applyRecord(state, record({ case: "command", value: { ...set, state: CommandState.COMMAND_APPLIED } }, 0n), now);
  assert.equal(state.watched?.plan?.knobs[0]?.value, "0.2");
  applyRecord(state, record({ case: "statusUpdate", value: { config: { notes: "again", classNames: ["a"] } } }), now);
  assert.deepEqual(state.watched?.plan, { parameters: [], tags: [], notes: "again", classNames: ["a"], knobs: [] });
});

test("predictions of a record count in the confusion matrix", () => {
  const state = watching([1]);
  applyRecord(state, record({ case: "batchData", value: { step: 2n, predictions: [{ predictedClass: 1 }, { predictedClass: 2 }], groundTruth: [1] } }), now);
  assert.equal(state.watched?.confusion.total, 1);
  assert.equal(state.watched?.predictionsInRecords, true, "those of the tiles are the same ones");
});

test("tiles are not a point of the curve", () => {
  const state = watching([1]);
  const value = { step: 2n, batchLoss: 1, images: [{ format: "jpeg" }] };
  applyRecord(state, record({ case: "batchData", value }), now);
  assert.equal(curve(state, "batch_loss").length, 1);
});

test("a reset of the watched trainer asks for its history again, another's does not", () => {
  const state = watching([1]);
  assert.equal(applyMessage(state, { type: "reset", ...session }, now), true);
  assert.equal(applyMessage(state, { type: "reset", run: "mnist", trainer: "t1" }, now), false);
});

test("a command only moves forward and keeps its end", () => {
  const state = newState({ page: "overview" });
  const seen = (["ISSUED", "ACCEPTED", "ISSUED", "DELIVERED", "APPLIED", "DELIVERED", "REJECTED"] as const).map((phase) => {
    applyCommand(state, command(phase), now);
    return state.commands.get("c1")?.state;
  });
  assert.deepEqual(seen, ["ISSUED", "ACCEPTED", "ACCEPTED", "DELIVERED", "APPLIED", "APPLIED", "APPLIED"]);
  assert.equal(state.commands.get("c1")?.endedAt, now);
});

test("a command that ended before the page came is history, not news", () => {
  const state = newState({ page: "trainer", ...session });
  state.watched = newWatched(session);
  const event = (name: string) => ({ ...command(name as CommandPhase), incarnation: "5", timestamp_ms: now - 60_000 });
  const events = ["ACCEPTED", "DELIVERED", "APPLIED"].map(event);
  const message = parseServerText(JSON.stringify({ type: "history", ...session, trainer_info: null, series: {}, events }));
  applyMessage(state, message!, now);
  assert.equal(state.commands.get("c1")?.endedAt, now - 60_000);
});

test("the list of commands is bounded", () => {
  const state = newState({ page: "overview" });
  for (let i = 0; i < 1000; i++) applyCommand(state, command("APPLIED", `c${i}`), now);
  assert.equal(state.commands.size, 200);
  assert.ok(state.commands.has("c999"));
});

test("the word on the bus says what is true now and moves the clock", () => {
  const state = newState({ page: "overview" });
  applyMessage(state, parseServerText(JSON.stringify({ type: "bus", server_time_ms: now + 5000, broker_connected: false, records_total: 7 }))!, now);
  assert.equal(state.brokerConnected, false);
  assert.equal(state.recordsTotal, 7);
  assert.equal(state.clock.now(now), now + 5000);
});
