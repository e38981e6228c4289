import assert from "node:assert/strict";
import { test } from "node:test";
import { readCompared, writeCompared } from "../src/compare";
import { groupOf, meanAndBand } from "../src/compare_groups";
import { parseTrainer } from "../src/protocol";

test("a group is the mean of its curves in a band, over the x of all, nothing beyond the end of a curve", () => {
  const { mean, band } = meanAndBand([{ x: [1, 3], y: [1, 3] }, { x: [1, 2, 3, 4], y: [3, 4, NaN, 6] }]);
  assert.deepEqual(mean, { x: [1, 2, 3, 4], y: [2, 3, 4, 6] });
  assert.deepEqual(band, { x: [1, 2, 3, 4], low: [1, 2, 3, 6], high: [3, 4, 5, 6] });
});

test("long curves make a line of at most 1,000 points with both ends", () => {
  const x = Array.from({ length: 5000 }, (_, i) => i + 1);
  const { mean } = meanAndBand([{ x, y: x }, { x, y: x.map((value) => value + 2) }]);
  assert.equal(mean.x.length, 1000);
  assert.deepEqual([mean.x[0], mean.x.at(-1), mean.y.at(-1)], [1, 5000, 5001]);
});

test("curves without a finite value make no line", () => {
  assert.deepEqual(meanAndBand([{ x: [1], y: [NaN] }, { x: [], y: [] }]).mean, { x: [], y: [] });
});

test("items are of one group by their run or by any setting; the group is in the address", () => {
  const item = { run: "r", trainer: "t", incarnation: "" };
  const info = parseTrainer({ run: "r", trainer: "t", state: "ALIVE", incarnation: "1", batch_size: 64, parameters: { optimizer: "sgd" } });
  assert.deepEqual(["run", "optimizer", "batch size", "depth"].map((by) => groupOf(item, info, by)), ["r", "sgd", "64", "not said"]);
  assert.equal(groupOf(item, null, "optimizer"), "not said");
  const params = new URLSearchParams();
  writeCompared({ items: [item], values: ["a"], hidden: [], group: "optimizer" }, params);
  assert.equal(readCompared(params).group, "optimizer");
});
