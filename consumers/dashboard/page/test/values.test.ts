import assert from "node:assert/strict";
import { test } from "node:test";
import { firstNotFinite } from "../src/charts/not_finite";
import { valueProblem } from "../src/command";
import { parseMediaContent, parseMediaList } from "../src/media_api";
import { Series } from "../src/series";
import { parseTrainer, type Knob, type Trainer } from "../src/protocol";
import { newWatched } from "../src/state";
import { rangeOf } from "../src/views/knob_form";
import { divergenceOf } from "../src/divergence";

const session = { run: "r", trainer: "t" };
const trainer = (more: object): Trainer => parseTrainer({ ...session, state: "ALIVE", incarnation: "1", ...more })!;

test("a training that ended at NaN says since when, not the loss of its last good epoch", () => {
  const watched = newWatched(session);
  const say = (name: string, axis: "step" | "epoch", ...y: number[]) => {
    const series = new Series(axis);
    y.forEach((value, i) => series.append(i + 1, value));
    watched.series.set(name, series);
  };
  say("epoch_loss", "epoch", 0.5228);
  assert.equal(divergenceOf(watched, null), null);
  say("batch_loss", "step", 0.6, NaN, 0.5, NaN, NaN);
  assert.deepEqual(divergenceOf(watched, null), { name: "loss", value: NaN, axis: "step", since: 4 });
  say("batch_loss", "step", 0.6, NaN, 0.5);
  assert.equal(divergenceOf(watched, null), null, "it came back");
  say("validation_loss", "epoch", 1, Infinity);
  assert.deepEqual(divergenceOf(watched, null), { name: "validation loss", value: Infinity, axis: "epoch", since: 2 });
});

test("before its curves are here, the list says that a trainer diverged", () => {
  const lost = trainer({ loss: "NaN", not_finite: { name: "loss", step: 7, value: "-Infinity" } });
  assert.deepEqual(divergenceOf(newWatched(session), lost), { name: "loss", value: NaN, axis: "step", since: 7 });
  assert.equal(divergenceOf(newWatched(session), trainer({ loss: 1, not_finite: { name: "loss", step: 7, value: "NaN" } })), null);
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
