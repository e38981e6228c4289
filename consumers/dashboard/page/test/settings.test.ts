import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSettings, inOrder, keptSettings, moved, readSettings, saysSettings, toggled, writeSettings, type ChartSettings } from "../src/chart_settings";
import { FinePoints } from "../src/fine_points";
import { hashOf, parseParams, parseRoute } from "../src/route";
import { Series } from "../src/series";
import { ZoomHistory } from "../src/zoom_history";

const written = (settings: ChartSettings): string => {
  const params = new URLSearchParams();
  writeSettings(settings, params);
  return params.toString();
};

test("a chart that was moved keeps its place; what comes new is behind", () => {
  const group = ["a", "b", "c", "d"];
  const once = moved(group, ["x"], "c", -1);
  assert.deepEqual(once, ["x", "a", "c", "b"]);
  const drawn = inOrder(["a", "b", "c", "d", "e"].map((id) => ({ id })), once).map(({ id }) => id);
  assert.deepEqual(drawn, ["a", "c", "b", "d", "e"]);
  assert.deepEqual(moved(drawn, once, "e", -9), ["x", "e", "a", "c", "b", "d"]);
  assert.deepEqual(moved(group, [], "d", 1), ["a", "b", "c", "d"], "it was the last");
});

test("a view is in the address and back, whatever the names", () => {
  const settings: ChartSettings = {
    x: "relative", smoothing: 0.995, clip: true, logX: true, log: ["loss", "val/iou & more"], pinned: ["b?#", "a"],
    order: ["b", "a"], sizes: new Map([["val/a:b", { span: 2, height: 300 }], ["ü", { span: 0, height: 120 }]]), closed: ["machine"], earlier: false, search: "iou 1+1",
    full: "loss", range: { min: 1200.5, max: 1300 }, yRanges: new Map([["loss", { min: 0.5, max: 1.5 }]]),
  };
  const hash = hashOf({ page: "trainer", run: "r", trainer: "t" }, new URLSearchParams(written(settings)));
  assert.deepEqual(parseRoute(hash), { page: "trainer", run: "r", trainer: "t" });
  assert.deepEqual(readSettings(parseParams(hash)), settings);
});

test("what is as always is not in the address, and other parameters stay", () => {
  const params = new URLSearchParams("tab=x&smooth=0.5");
  writeSettings(defaultSettings(), params);
  assert.equal(params.toString(), "tab=x");
  assert.equal(saysSettings(params), false);
});

test("nonsense in the address is as if not said", () => {
  const nonsense = new URLSearchParams("x=money&smooth=2&size=9x1:a&size=xxx&from=5&to=5&clip=yes");
  assert.deepEqual(readSettings(nonsense), { ...defaultSettings(), sizes: new Map() });
  assert.equal(readSettings(new URLSearchParams("size=9x9999:a")).sizes.get("a")?.height, 1200);
});

test("taste stays with the user, what is looked at now does not", () => {
  const kept = keptSettings({ ...defaultSettings(), smoothing: 0.5, search: "iou", full: "loss", range: { min: 1, max: 2 } });
  assert.equal(kept, "smooth=0.5");
  assert.deepEqual([toggled(["a"], "b"), toggled(["a", "b"], "a")], [["a", "b"], ["b"]]);
});

test("the way back through the ranges goes motion by motion", () => {
  const zoom = new ZoomHistory();
  zoom.set({ min: 0, max: 100 }, 0);
  for (let turn = 1; turn <= 20; turn++) zoom.set({ min: 0, max: 100 - turn }, 1000 + turn * 16, true);
  zoom.set({ min: 0, max: 0 }, 5000);
  assert.deepEqual(zoom.range, { min: 0, max: 80 }, "an empty range is none");
  zoom.back();
  assert.deepEqual(zoom.range, { min: 0, max: 100 });
  zoom.back();
  assert.equal(zoom.range, null);
  assert.equal(zoom.canGoBack, false);
  zoom.back();
  assert.equal(zoom.range, null);
});

test("two motions of the wheel with a rest between them are two", () => {
  const zoom = new ZoomHistory();
  zoom.set({ min: 0, max: 90 }, 0, true);
  zoom.set({ min: 0, max: 80 }, 2000, true);
  zoom.back();
  assert.deepEqual(zoom.range, { min: 0, max: 90 });
});

test("finer points are asked for once, for the part in sight, and what came since follows them", async () => {
  const series = new Series();
  series.replace({ x: [1, 50, 100], y: [1, 2, 3] }, 100);
  const asked: string[] = [];
  let changes = 0;
  const fine = new FinePoints(
    async (name, { min, max }) => (asked.push(`${name} ${min}..${max}`), { x: [40, 41, 60], y: [7, 8, 9] }),
    () => changes++,
  );
  fine.show({ min: 40, max: 60 });
  assert.equal(fine.of("loss", series), series.points, "the range has not come to rest");
  for (let paint = 0; paint < 6; paint++) {
    await new Promise((done) => setTimeout(done, 50));
    fine.show({ min: 40, max: 60 }); // of a live training: each paint says it again
  }
  assert.equal(fine.of("loss", series), series.points);
  await Promise.resolve();
  fine.of("loss", series);
  assert.deepEqual(asked, ["loss 30..70"]);
  assert.deepEqual(fine.of("loss", series).x, [40, 41, 60, 100]);
  assert.ok(changes >= 2);
  fine.show(null);
  assert.equal(fine.of("loss", series), series.points);
});

test("a curve that is here as a whole is not asked for", async () => {
  const series = new Series();
  series.replace({ x: [1, 2], y: [1, 2] });
  const fine = new FinePoints(() => assert.fail("asked"), () => {});
  fine.show({ min: 1, max: 2 });
  await new Promise((done) => setTimeout(done, 300));
  assert.equal(fine.of("loss", series), series.points);
});

test("the y axes that were zoomed are in the address, and not kept for the user", () => {
  const settings = { ...defaultSettings(), yRanges: new Map([["loss", { min: -0.5, max: 2.25 }], ["val/a:b", { min: 1e-4, max: 3e-4 }]]) };
  const params = new URLSearchParams();
  writeSettings(settings, params);
  assert.deepEqual(readSettings(params).yRanges, settings.yRanges);
  assert.equal(keptSettings(settings), "");
  for (const nonsense of ["2..1:loss", "..:loss", "1..2", "a..b:loss", "1..Infinity:loss"]) assert.equal(readSettings(new URLSearchParams({ y: nonsense })).yRanges.size, 0, nonsense);
});
