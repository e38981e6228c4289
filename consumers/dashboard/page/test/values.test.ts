import assert from "node:assert/strict";
import { test } from "node:test";
import { firstNotFinite } from "../src/charts/not_finite";
import { valueProblem } from "../src/command";
import { parseMediaContent, parseMediaList } from "../src/media_api";
import { Series } from "../src/series";
import { parseTrainer, type Knob, type Trainer } from "../src/protocol";
import { newWatched } from "../src/state";
import { rangeOf } from "../src/views/knob_form";
import { diverged, sortedTrainers } from "../src/views/overview";
import { finalLoss } from "../src/views/trainer";
import { groupsOf } from "../src/views/values";

const session = { run: "r", trainer: "t" };
const trainer = (more: object): Trainer => parseTrainer({ ...session, state: "ALIVE", incarnation: "1", ...more })!;

test("named values are grouped by the part before the slash; the bus's own have charts of their own", () => {
  const series = new Map(["val/iou", "batch_loss", "gen_loss", "val/dice", "train/iou"].map((name) => [name, new Series()]));
  const named = (filter: string) => groupsOf(series, filter).map(({ name, values }) => [name, values.map(({ title }) => title)]);
  assert.deepEqual(named(""), [["", ["gen_loss"]], ["train", ["iou"]], ["val", ["dice", "iou"]]]);
  assert.deepEqual(named("IOU"), [["train", ["iou"]], ["val", ["iou"]]]);
});

test("a diverged trainer stands before those that are well", () => {
  const list = [trainer({ trainer: "a" }), trainer({ trainer: "b", loss: "NaN" }), trainer({ trainer: "c", state: "DEAD" })];
  assert.deepEqual(sortedTrainers(list, "", null).map((one) => one.trainer), ["c", "b", "a"]);
  assert.equal(diverged(trainer({ loss: 1, validation_loss: "Infinity" })), Infinity);
  assert.equal(diverged(trainer({ loss: null })), null);
});

test("a training that ended at NaN does not claim the loss of its last good epoch", () => {
  const watched = newWatched(session);
  const epochs = new Series("epoch");
  epochs.append(1, 0.5228);
  watched.series.set("epoch_loss", epochs);
  assert.equal(finalLoss(watched, trainer({ loss: 0.6 })), 0.5228);
  assert.equal(finalLoss(watched, trainer({ loss: "NaN" })), NaN);
  epochs.append(2, NaN);
  assert.equal(finalLoss(watched, trainer({ loss: 0.6 })), NaN);
  assert.equal(finalLoss(newWatched(session), trainer({})), null);
});

test("the first value that is not finite is named with its place", () => {
  const line = (label: string, y: number[]) => ({ label, points: { x: y.map((_, i) => i + 1), y } });
  assert.deepEqual(firstNotFinite([line("a", [1, 2, Infinity]), line("b", [1, NaN, 3])]), { line: "b", x: 2, y: NaN });
  assert.equal(firstNotFinite([line("a", [1, 2])]), null);
});

test("a knob's value is refused where it is plainly wrong", () => {
  const knob = (more: Partial<Knob>): Knob => ({ name: "wd", type: "number", unit: "", min: 0, max: 0.1, value: "", choices: [], help: "", ...more });
  assert.equal(valueProblem("SET_KNOB", "0.05", knob({})), "");
  assert.equal(valueProblem("SET_KNOB", "0.2", knob({})), "wd must be at most 0.1, got '0.2'");
  assert.equal(valueProblem("SET_KNOB", "-1", knob({})), "wd must be at least 0, got '-1'");
  assert.equal(valueProblem("SET_KNOB", "", knob({})), "wd must be a number, got nothing");
  assert.equal(valueProblem("SET_KNOB", "1.5", knob({ type: "integer", max: null })), "wd must be a whole number, got '1.5'");
  assert.deepEqual([rangeOf(knob({ unit: "1/s" })), rangeOf(knob({ min: null })), rangeOf(knob({ min: null, max: null }))], ["0..0.1 1/s", "at most 0.1", ""]);
});

test("media are taken as far as they make sense", () => {
  const list = parseMediaList({ media: [{ name: "a", type: "text", left_out: 2, records: [{ id: "1-2", step: 3, timestamp_ms: 4 }] }, { name: "b", records: [] }, 7] });
  assert.deepEqual(list, { media: [{ name: "a", type: "text", leftOut: 2, records: [{ id: "1-2", step: 3, timestamp_ms: 4 }] }], leftOut: 0 });
  assert.deepEqual(parseMediaContent(session, { id: "1-2", type: "images", images: [{ caption: "x" }] }), {
    type: "images",
    images: [{ url: "api/trainers/r/t/media/1-2/0", caption: "x" }],
  });
  assert.deepEqual(parseMediaContent(session, { type: "table", columns: ["a"], rows: ["b"], values: ["NaN"] }), { type: "table", columns: ["a"], rows: ["b"], values: [NaN] });
  assert.equal(parseMediaContent(session, { type: "hologram" }), null);
});
