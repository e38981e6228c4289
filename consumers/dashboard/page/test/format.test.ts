import assert from "node:assert/strict";
import { test } from "node:test";
import { count, duration, loss, mebibytes, number, percent, rate } from "../src/format";

test("numbers are as short as they can be read", () => {
  const cases: [number | null, string][] = [
    [null, "–"], [NaN, "NaN"], [Infinity, "∞"], [-Infinity, "−∞"], [0, "0"], [1e308, "1e308"], [0.0312, "0.0312"], [1e-4, "1e-4"], [2.5e-5, "2.5e-5"], [0.001, "0.001"],
    [12.5, "12.5"], [64, "64"], [999, "999"], [1200, "1.2k"], [3_400_000, "3.4M"], [-0.5, "-0.5"], [100, "100"],
    [-999.96e6, "-1G"], [999_600, "1M"], [999.96, "1k"], [999.94, "999.9"], [999.9e9, "1e12"], [1.797e308, "1.8e308"], [-1.234e-310, "-1.23e-310"],
  ];
  for (const [value, text] of cases) assert.equal(number(value), text);
  assert.equal(number(999.6, 3), "1k");
});

test("loss keeps four decimals where it is small", () => {
  assert.deepEqual([0.5, 0.03125, 2.302585, 1e-5, 1234].map(loss), ["0.5000", "0.0313", "2.3026", "1e-5", "1.23k"]);
});

test("durations name their unit", () => {
  const cases: [number | null, string][] = [
    [null, "–"], [-5, "0 ms"], [340, "340 ms"], [3400, "3.4 s"], [14_400, "14 s"], [125_000, "2 m 05 s"],
    [59_700, "1 m 00 s"], [4_320_000, "1 h 12 m"], [273_600_000, "3 d 4 h"],
  ];
  for (const [ms, text] of cases) assert.equal(duration(ms), text);
});

test("ratios, counts, rates and memory", () => {
  assert.equal(percent(0.973), "97.3 %");
  assert.deepEqual([loss, percent, count, rate, mebibytes].map((format) => [format(null), format(NaN)]), Array(5).fill(["–", "NaN"]));
  assert.equal(count(12345), "12,345");
  assert.deepEqual([0.5, 58.2, 3.14, 1500].map(rate), ["0.5", "58", "3.1", "1.5k"]);
  assert.deepEqual([820, 2048].map(mebibytes), ["820 MB", "2.0 GB"]);
});
