import assert from "node:assert/strict";
import { test } from "node:test";
import { aligned, Series, thinned } from "../src/series";

test("a late point goes to its place, and one x keeps what was said last", () => {
  const series = new Series();
  for (const [x, y] of [[1, 10], [3, 30], [2, 20], [3, 31]] as const) series.append(x, y);
  assert.deepEqual([series.x, series.y], [[1, 2, 3], [10, 20, 31]]);
});

test("history replaces what was there, and live points follow it without a seam", () => {
  const series = new Series();
  series.append(100, 1);
  series.replace({ x: [1, 2, 3], y: [0.3, 0.2, 0.1] });
  series.append(4, 0.05);
  assert.deepEqual(series.x, [1, 2, 3, 4]);
  assert.equal(series.last, 0.05);
});

test("a value that is not finite is a value, an x that is not finite is none", () => {
  const series = new Series();
  series.append(1, NaN);
  series.append(2, -Infinity);
  series.append(Infinity, 1);
  assert.deepEqual(series.y, [NaN, -Infinity]);
  assert.equal(series.last, -Infinity);
});

test("one NaN among a hundred thousand values is never thinned away", () => {
  const series = new Series();
  for (let step = 1; step <= 100_000; step++) series.append(step, step === 31_415 ? NaN : Math.sin(step));
  assert.ok(series.length <= 6000, `${series.length}`);
  assert.equal(series.x[series.y.findIndex(Number.isNaN)], 31_415);
});

test("a series stays bounded and keeps its spike", () => {
  const series = new Series();
  for (let step = 1; step <= 100_000; step++) series.append(step, step === 31_415 ? 99 : 1);
  assert.ok(series.length <= 6000, `${series.length}`);
  assert.equal(Math.max(...series.y), 99);
  assert.equal(series.x[series.length - 1], 100_000);
  assert.ok(series.x.every((x, i) => i === 0 || x > series.x[i - 1]!));
});

test("thinning keeps each bucket's lowest and highest in their order", () => {
  assert.deepEqual(thinned({ x: [1, 2, 3, 4, 5, 6, 7, 8], y: [5, 1, 9, 5, 4, 8, 0, 4] }, 4), { x: [2, 3, 6, 7], y: [1, 9, 8, 0] });
});

test("the points of a series are another object when they changed, and the same when not", () => {
  const series = new Series();
  series.append(1, 1);
  const before = series.points;
  assert.equal(series.points, before);
  series.append(2, 2);
  assert.notEqual(series.points, before);
  assert.equal(series.total, 2);
  series.append(2, 3);
  assert.equal(series.total, 2, "said again is one point");
});

test("series of different x are drawn on their union", () => {
  assert.deepEqual(aligned([{ x: [1, 2, 3], y: [1, 2, 3] }, { x: [2, 4], y: [20, 40] }]), [
    [1, 2, 3, 4],
    [1, 2, 3, null],
    [null, 20, null, 40],
  ]);
});
