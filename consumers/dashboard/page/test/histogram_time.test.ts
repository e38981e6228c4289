import assert from "node:assert/strict";
import { test } from "node:test";
import { gridOf, spread } from "../src/histogram_time";

test("histograms of other bins come onto one grid, each step with all of its values", () => {
  const grid = gridOf(
    [
      { step: 1, edges: [0, 1, 2, 4], counts: [1, 1, 2] },
      { step: 2, edges: [2, 3], counts: [8] },
    ],
    4,
  )!;
  assert.deepEqual([grid.low, grid.high, grid.steps], [0, 4, [1, 2]]);
  assert.deepEqual(grid.shares, [
    [0.25, 0.25, 0.25, 0.25],
    [0, 0, 1, 0],
  ]);
  assert.equal(grid.fullest, 1);
});

test("empty bins at the ends do not stretch the grid, and no values make none", () => {
  const grid = gridOf([{ step: 5, edges: [-100, 0, 1, 100], counts: [0, 3, 0] }], 2)!;
  assert.deepEqual([grid.low, grid.high], [0, 1]);
  assert.equal(gridOf([{ step: 5, edges: [0, 1], counts: [0] }], 2), null);
  assert.equal(gridOf([], 2), null);
});

test("values that are all the same have a bin without a width", () => {
  const grid = gridOf([{ step: 1, edges: [3, 3], counts: [7] }], 4)!;
  assert.equal(grid.shares[0]!.reduce((sum, share) => sum + share, 0), 1);
});

test("of a long list so many are taken, evenly, with both ends", () => {
  const list = Array.from({ length: 101 }, (_, i) => i);
  assert.deepEqual(spread(list, 5), [0, 25, 50, 75, 100]);
  assert.deepEqual(spread([1, 2], 5), [1, 2]);
});
