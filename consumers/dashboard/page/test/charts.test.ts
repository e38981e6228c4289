import assert from "node:assert/strict";
import { test } from "node:test";
import { bandOf } from "../src/charts/band";
import { gridFor } from "../src/charts/board_grid";
import { chartsOf, grouped } from "../src/charts/catalogue";
import { pinched } from "../src/charts/gestures";
import { drawnLines, nearest, type Line } from "../src/charts/line";
import { placeMarkers, type Marker } from "../src/charts/marker_layout";
import { smoothed } from "../src/charts/smooth";
import { placeText, tickText } from "../src/charts/x_axis";
import { yRange } from "../src/charts/y_range";
import { linearSplits, logSplits } from "../src/charts/y_splits";
import { Timeline } from "../src/timeline";

test("smoothing is the usual exponential, and its first value is the first value", () => {
  const weight = 0.5;
  const got = smoothed([4, 0, 8], weight);
  // By hand: s1 = 4; s2 = (0.5 * 4 + 0) / (0.5 + 1); s3 = (0.25 * 4 + 0 + 8) / (0.25 + 0.5 + 1)
  [4, 2 / 1.5, 9 / 1.75].forEach((wanted, i) => assert.ok(Math.abs(got[i]! - wanted) < 1e-12, `${got[i]}`));
  assert.deepEqual(smoothed([3, 1], 0), [3, 1]);
  const steady = smoothed(new Array(2000).fill(7), 0.999);
  assert.ok(steady.every((value) => value === 7), "a constant stays one, to the last digit");
  assert.ok(smoothed(new Array(300).fill(0.1), 0.9).every((value) => value === 0.1));
});

test("smoothing passes over a NaN and leaves it where it is", () => {
  assert.deepEqual(smoothed([2, NaN, 2, Infinity], 0.9).map((value) => Math.round(value * 1e9) / 1e9), [2, NaN, 2, Infinity]);
});

test("a smoothed line has its raw one behind it; two points need none", () => {
  const line = (y: number[]): Line => ({ id: "a", label: "", colour: "accent", smooth: true, points: { x: y.map((_, i) => i), y } });
  assert.deepEqual(drawnLines([line([1, 2, 3])], 0.9).map(({ raw }) => raw), [true, false]);
  assert.equal(drawnLines([line([1, 2, 3])], 0).length, 1);
  assert.equal(drawnLines([line([1, 2])], 0.9).length, 1);
});

test("the nearest point is found between, before and behind all", () => {
  assert.deepEqual([0, 11, 14, 16, 99].map((x) => nearest([10, 12, 20], x)), [0, 0, 1, 1, 2]);
  assert.equal(nearest([], 1), -1);
});

test("outliers do not stretch the axis when asked, and are counted", () => {
  const values = [...new Array(500).keys()].map((i) => 1 + (i % 10) / 10);
  assert.deepEqual(yRange([[...values, 1e6]], false), { min: 1, max: 1e6, outside: 0 });
  const clipped = yRange([[...values, 1e6, NaN]], true)!;
  assert.ok(clipped.max < 3 && clipped.min === 1 && clipped.outside === 1, JSON.stringify(clipped));
  assert.equal(yRange([values], true)!.outside, 0, "without an outlier nothing is cut");
  assert.deepEqual(yRange([[1, 2, 1000]], true), { min: 1, max: 1000, outside: 0 });
  assert.equal(yRange([[NaN]], true), null);
  const many = yRange([[...values, ...new Array(100).fill(1e9)]], true)!;
  assert.ok(many.max < 100 && many.outside === 100, "a sixth of all are outliers as well");
});

const falling = [...new Array(100).keys()].map((i) => 2.5 * 0.97 ** i);

test("a line that ran away does not press the others flat, and what is left out is counted", () => {
  const usual = yRange([falling], false)!;
  const exploded = falling.map((value, i) => (i < 60 ? value : 10 ** i));
  assert.deepEqual(yRange([falling, exploded], false), { ...usual, outside: 40 });
  assert.deepEqual(yRange([exploded, falling, falling.map((value) => value * 0.9)], false)!.max, usual.max);
  const early = falling.map((value, i) => (i < 2 ? value : -1e30));
  assert.deepEqual(yRange([falling, early], false), { ...usual, outside: 98 }, "at once, and downwards");
  assert.equal(yRange([exploded, early], false)!.outside, 0, "where both did nobody is pressed flat");
});

test("lines that are only far apart, or grow as a counter does, are all shown", () => {
  const all = (...lines: number[][]) => assert.equal(yRange(lines, false)!.outside, 0);
  all(falling, falling.map((value) => value * 1e-9));
  all(falling.map((value) => value * 1e-4), falling.map((value) => 1 - value / 3));
  all([...falling.keys()].map((i) => i * 1e7), [...falling.keys()].map((i) => i * 2e7));
  all([1e6, 2e6, 3e6], [5e8, 6e8, 7e8]);
  assert.equal(yRange([falling.map((_, i) => 10 ** i)], false)!.outside, 0, "one alone presses nobody");
});

test("the longest axis is one with a length", () => {
  const { min, max, outside } = yRange([[1.7e308, -1.7e308, 0]], false)!;
  assert.ok(Number.isFinite(max - min) && outside === 2);
  assert.ok(yRange([[1.7e308, 1.6e308]], false)!.min <= yRange([[1.7e308, 1.6e308]], false)!.max);
});

test("the y axis has few round lines, of any size of the values", () => {
  assert.deepEqual(linearSplits(0.13, 2.6, 5), [0.5, 1, 1.5, 2, 2.5]);
  assert.deepEqual(linearSplits(-1, 1, 4), [-1, -0.5, 0, 0.5, 1]);
  for (const size of [1e-300, 1e-20, 1, 1e20, 3.4e38, 1e300]) {
    const splits = linearSplits(-size, size, 6);
    assert.ok(splits.length >= 3 && splits.length <= 8 && splits.every((value) => Math.abs(value) <= size), `${size}: ${splits}`);
  }
  assert.deepEqual(linearSplits(3, 3, 5), [3]);
});

test("a logarithmic axis has its lines at decades, however many there are", () => {
  assert.deepEqual(logSplits(0.09, 11, 9), [0.1, 0.2, 0.5, 1, 2, 5, 10]);
  assert.deepEqual(logSplits(0.5, 2e6, 8), [1, 10, 100, 1e3, 1e4, 1e5, 1e6]);
  const wide = logSplits(1e-30, 1e27, 8);
  assert.ok(wide.length >= 6 && wide.length <= 9 && wide.every((value) => Number.isInteger(Math.log10(value))), `${wide}`);
  assert.deepEqual(logSplits(0.21, 0.55, 4), [0.3, 0.4, 0.5]);
});

test("where points are denser than columns, a band says the lowest and highest of each", () => {
  const x = [...new Array(100).keys()];
  const y = x.map((i) => (i === 31 ? NaN : i % 2));
  const band = bandOf({ x, y }, 10, (value) => value / 10)!;
  assert.deepEqual([band.x, band.low, band.high], [[0, 10, 20, 30, 40, 50, 60, 70, 80, 90], new Array(10).fill(0), new Array(10).fill(1)]);
  assert.equal(bandOf({ x, y }, 90, (value) => value * 0.9), null, "each point can be seen");
});

const marker = (x: number, label: string, kind: Marker["kind"] = "edit"): Marker => ({ x, label, kind });
const area = { left: 0, right: 400, rows: 2 };
const place = (markers: Marker[]) => placeMarkers(markers, (x) => x, (text) => text.length * 6, area);

test("labels of markers never overlap, and what has no room is left to the cursor", () => {
  const placed = place([...new Array(40).keys()].map((i) => marker(i * 10, `lr 0.1 → 0.${i}`)));
  const labels = placed.filter(({ row }) => row >= 0).map(({ left, row, text }) => ({ left, right: left + text.length * 6, row }));
  assert.ok(labels.length > 2 && labels.length < 40);
  for (const a of labels) for (const b of labels) assert.ok(a === b || a.row !== b.row || a.right <= b.left || b.right <= a.left, JSON.stringify([a, b]));
  assert.ok(labels.every(({ left, right }) => left >= 0 && right <= 400));
});

test("markers at one place are one, with a count and the gravest look", () => {
  const [one, ...others] = place([marker(100, "lr 1 → 2"), marker(103, "lr 2 → 3"), marker(105, "stalled", "alert")]);
  assert.deepEqual([one!.text, one!.kind, one!.markers.length, others.length], ["3 events", "alert", 3, 0]);
  assert.equal(place([marker(100, "lr 1 → 2"), marker(103, "lr 2 → 3")])[0]!.text, "2× lr");
  assert.equal(place([marker(900, "off the screen")]).length, 0);
});

const names = ["val/iou", "batch_loss", "gen_loss", "val/dice", "train/iou", "cpu_percent", "timestamp_ms", "epoch_end"];

test("named values are grouped by the part before the slash; curves that only place the steps are no charts", () => {
  const list = (search: string, pinned: string[] = []) => {
    const found = grouped(chartsOf(names), pinned, search);
    return [found.pinned.map(({ id }) => id), ...found.groups.map(({ name, charts }) => [name, charts.map(({ title }) => title)])];
  };
  assert.deepEqual(list(""), [[], ["training", ["Loss per batch"]], ["", ["gen_loss"]], ["train", ["iou"]], ["val", ["dice", "iou"]], ["machine", ["CPU and memory"]]]);
  assert.deepEqual(list("IOU val"), [[], ["val", ["iou"]]]);
  assert.deepEqual(list("iou", ["val/iou", "gone"]), [["val/iou"], ["train", ["iou"]]]);
});

test("a chart has only the curves that were said", () => {
  assert.deepEqual(chartsOf(["validation_loss"]).map(({ curves }) => curves.map(({ series }) => series)), [["validation_loss"]]);
});

// 100 steps an epoch; a step a second, with a pause of an hour after step 200.
const timeline = new Timeline({ x: [1, 200, 201, 300], y: [1_000_000, 1_199_000, 4_800_000, 4_899_000] }, { x: [100, 200, 300], y: [1, 2, 3] });

test("a step lies in epochs and in time, and back", () => {
  assert.equal(timeline.fromStep("epoch", 150), 1.5);
  assert.equal(timeline.fromStep("epoch", 350), 3.5, "it goes on as it did");
  assert.equal(timeline.fromStep("relative", 200), 199);
  assert.equal(timeline.fromStep("relative", 201), 3800);
  for (const mode of ["step", "epoch", "time", "relative"] as const) assert.equal(Math.round(timeline.toStep(mode, timeline.fromStep(mode, 142))), 142);
});

test("curves over epochs and over steps share one x, whatever it is", () => {
  assert.deepEqual(timeline.place({ x: [1, 2], y: [5, 4] }, "epoch", "step"), { x: [100, 200], y: [5, 4] });
  assert.deepEqual(timeline.place({ x: [100, 250], y: [5, 4] }, "step", "epoch"), { x: [1, 2.5], y: [5, 4] });
});

test("what is not known of a curve is not made up", () => {
  const nothing = new Timeline();
  assert.equal(nothing.modeFor("epoch", "step"), "epoch");
  assert.equal(nothing.modeFor("step", "time"), "step");
  assert.deepEqual(nothing.place({ x: [1], y: [2] }, "epoch", "time"), { x: [1], y: [2] });
  assert.deepEqual([nothing.can("step"), nothing.can("epoch"), nothing.can("relative")], [true, false, false]);
});

test("a clock that was set back does not fold the axis", () => {
  const set = new Timeline({ x: [1, 2, 3, 4], y: [10_000, 11_000, 5_000, 13_000] });
  assert.ok([1, 2, 3, 4].map((step) => set.fromStep("time", step)).every((x, i, all) => i === 0 || x > all[i - 1]!));
});

test("the place under the cursor names the step, whatever x is", () => {
  assert.equal(placeText("step", 1234, timeline), "step 1,234");
  assert.equal(placeText("epoch", 1.5, timeline), "epoch 1.5, step 150");
  assert.equal(placeText("relative", 199, timeline), "3 m 19 s, step 200");
  assert.deepEqual([tickText("relative", 5400, 1800), tickText("step", 20_000, 5000)], ["1:30:00", "20k"]);
});

test("the charts of a group leave no blank: fewer columns, or a wider last chart of a row", () => {
  assert.deepEqual(gridFor([0, 1, 1, 1, 1], 1080), { columns: 2, spans: [2, 1, 1, 1, 1] });
  assert.deepEqual(gridFor([1, 1, 1, 1, 1], 1080), { columns: 3, spans: [1, 1, 1, 1, 2] });
  assert.deepEqual(gridFor([1, 1, 1], 800), { columns: 2, spans: [1, 1, 2] });
  assert.deepEqual(gridFor([1], 1080), { columns: 1, spans: [1] });
  assert.deepEqual(gridFor([2, 1, 0], 300), { columns: 1, spans: [1, 1, 1] });
  assert.deepEqual(gridFor([2, 2], 1080), { columns: 2, spans: [2, 2] });
});

test("what was under two fingers stays under them, along x and, upside down, along y", () => {
  const x = { pixels: [100, 200] as [number, number], values: [10, 20] as [number, number] };
  assert.deepEqual(pinched(x, [50, 250], 400), { min: 7.5, max: 27.5 }); // apart: half as much is seen
  assert.deepEqual(pinched(x, [110, 210], 400), { min: -1, max: 39 }); // together: moved
  assert.equal(pinched(x, [100, 104], 400), null);
  assert.equal(pinched(x, [200, 100], 400), null); // past one another
  assert.deepEqual(pinched({ pixels: [0, 100], values: [1, 0] }, [0, 200], 200), { min: 0, max: 1 });
});
