import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { CommandState, CommandType, MetricsRequestSchema, TrainingStatus } from "../generated/trainbus_pb";
import { eventOf, parsePoints, parseRecord, parseServerText, parseTrainer } from "../src/protocol";

const trainer = { run: "mnist", trainer: "t0", state: "ALIVE", incarnation: "1850000000000000001", loss: 0.5, accuracy: null };

test("rows without an id are left out, and what is no trouble too", () => {
  const message = parseServerText(JSON.stringify({ type: "list", whole: 1, rows: [{ id: 3, loss: 1 }, null, 7, { run: "x" }], gone: [1, "2", null] }));
  assert.deepEqual(message, { type: "list", whole: false, rows: [{ id: 3, loss: 1 }], gone: [1] });
  const bus = parseServerText(JSON.stringify({ type: "bus", server_time_ms: 12, broker_connected: true, troubles: [{ program: "log-jsonl", rule: "sink_failing", message: "no space", since_ms: 5 }, "?"] }));
  assert.ok(bus?.type === "bus");
  assert.deepEqual(bus.troubles, [{ program: "log-jsonl", rule: "sink_failing", message: "no space", since_ms: 5 }]);
});

test("numbers that are not numbers are not known", () => {
  const parsed = parseTrainer({ ...trainer, loss: "0.5", fps: Infinity, sparkline: [1, null, "x", 2] });
  assert.equal(parsed?.loss, null);
  assert.equal(parsed?.fps, null);
  assert.deepEqual(parsed?.sparkline, [1, 2]);
  assert.equal(parsed?.plan, null, "a list without the settings says nothing about them");
});

test("not said and not a number are two things", () => {
  const parsed = parseTrainer({ ...trainer, loss: "NaN", validation_loss: "-Infinity", accuracy: null, sparkline: [1, "NaN"] });
  assert.deepEqual([parsed?.loss, parsed?.validation_loss, parsed?.accuracy], [NaN, -Infinity, null]);
  assert.deepEqual(parsed?.sparkline, [1, NaN]);
});

test("a plan has its knobs, and leaves out what is no knob", () => {
  const knob = { name: "weight_decay", type: "number", unit: "", min: 0, max: 0.1, value: "0.01", choices: [], help: "L2" };
  const plan = parseTrainer({ ...trainer, parameters: { depth: "3", arch: "cnn" }, tags: ["a"], notes: "n", knobs: [knob, { name: "x", type: "dial" }, 7] })?.plan;
  assert.deepEqual(plan?.parameters, [["arch", "cnn"], ["depth", "3"]]);
  assert.deepEqual(plan?.knobs, [knob]);
});

test("text that is no message of the protocol is null", () => {
  for (const raw of ["", "{", "null", "[]", "3", '{"type":"dance"}', '{"type":7}']) assert.equal(parseServerText(raw), null, raw);
});

test("points without an x or a y are left out; a y may be not finite", () => {
  assert.deepEqual(parsePoints([1, 2, 3, 4], [0.1, null, "NaN"]), { x: [1, 3], y: [0.1, NaN] });
  assert.deepEqual(parsePoints("1", [1]), { x: [], y: [] });
});

test("history has every named curve, and ignores events it does not know", () => {
  const message = parseServerText(
    JSON.stringify({
      type: "history",
      run: "mnist",
      trainer: "t0",
      trainer_info: trainer,
      series: { epoch_loss: { axis: "epoch", x: [1, 2], y: [3, 4] }, "val/iou": { axis: "step", x: [1], y: ["Infinity"] }, bad: 7 },
      incarnations: [{ incarnation: "7", offset: 0, begin: 1 }, { incarnation: "8", offset: 320, begin: null }],
      names_left_out: 3,
      events: [
        { kind: "status", run: "mnist", trainer: "t0", timestamp_ms: 5, step: 0, status: "RUNNING", message: "" },
        { kind: "command", type: "PAUSE_TRAINING", state: "APPLIED", command_id: "ab", applied_step: 7 },
        { kind: "command", type: "PAUSE_TRAINING", state: "SLEEPING" },
        { kind: "rumour" },
      ],
    }),
  );
  assert.ok(message?.type === "history");
  assert.deepEqual([...message.series], [
    ["epoch_loss", { axis: "epoch", total: 2, x: [1, 2], y: [3, 4] }],
    ["val/iou", { axis: "step", total: 1, x: [1], y: [Infinity] }],
  ]);
  assert.deepEqual(message.incarnations[1], { incarnation: 8n, offset: 320, begin: null });
  assert.equal(message.names_left_out, 3);
  assert.deepEqual(message.events.map((event) => [event.kind, event.step]), [["status", 0], ["command", 7]]);
});

test("a record survives the way over the wire, and broken bytes are null", () => {
  const record = create(MetricsRequestSchema, {
    sessionId: "mnist/t0",
    timestampMs: 1700000000000n,
    incarnation: 1850000000000000001n,
    payload: { case: "batchData", value: { step: 41n, batchLoss: 0.25 } },
  });
  const bytes = toBinary(MetricsRequestSchema, record);
  const parsed = parseRecord(bytes);
  assert.equal(parsed?.payload.case, "batchData");
  assert.equal(parsed?.incarnation, 1850000000000000001n);
  assert.equal(parseRecord(bytes.subarray(0, bytes.length - 3)), null);
  assert.equal(parseRecord(new Uint8Array([255, 255, 255])), null);
  assert.equal(parseRecord(new Uint8Array()), null);
});

test("command and status records become events with the names that people read", () => {
  const head = { sessionId: "mnist/t0", timestampMs: 9n };
  const command = create(MetricsRequestSchema, {
    ...head,
    payload: {
      case: "command",
      value: {
        type: CommandType.CHANGE_LEARNING_RATE,
        state: CommandState.COMMAND_APPLIED,
        commandId: "ab",
        parameters: { value: "0.001" },
        appliedStep: 12n,
        oldValue: "0.01",
        newValue: "0.001",
      },
    },
  });
  const event = eventOf(command);
  assert.ok(event?.kind === "command");
  assert.deepEqual([event.type, event.state, event.value, event.step, event.run], ["CHANGE_LEARNING_RATE", "APPLIED", "0.001", 12, "mnist"]);
  const status = create(MetricsRequestSchema, {
    ...head,
    payload: { case: "statusUpdate", value: { status: TrainingStatus.PAUSED, message: "by ctl" } },
  });
  const head0 = { kind: "status", run: "mnist", trainer: "t0", timestamp_ms: 9, step: 0, incarnation: 0n };
  assert.deepEqual(eventOf(status), { ...head0, status: "PAUSED", message: "by ctl" });
});
