import assert from "node:assert/strict";
import { test } from "node:test";
import { bestAndLast, compareHref, differences, firstValues, itemId, lowerIsBetter, readCompared, writeCompared } from "../src/compare";
import { CompareData } from "../src/compare_data";
import { parseParams, parseRoute } from "../src/route";
import { curveQuery } from "../src/series_api";

const item = (trainer: string, incarnation = "") => ({ run: "r", trainer, incarnation });

test("what is compared is in the address and back; nonsense is left out", () => {
  const compared = { items: [item("a"), item("b", "123456789012345678")], values: ["val/a & b", "loss"], hidden: ["r/a"], group: "" };
  const params = new URLSearchParams("smooth=0.5");
  writeCompared(compared, params);
  assert.deepEqual(readCompared(params), compared);
  assert.equal(params.get("smooth"), "0.5");
  assert.deepEqual(readCompared(new URLSearchParams("of=r/a&of=r/a&of=../x&of=r/b@x&of=a")).items, [item("a")]);
  assert.equal(readCompared(new URLSearchParams(Array.from({ length: 99 }, (_, i) => `of=r/t${i}`).join("&"))).items.length, 20);
});

test("the check boxes of the list lead to a comparison", () => {
  const href = compareHref([item("a"), item("b")]);
  assert.deepEqual(parseRoute(href), { page: "compare" });
  assert.deepEqual(readCompared(parseParams(href)).items.map(itemId), ["r/a", "r/b"]);
});

test("the best is the lowest loss and the highest score; what is no number is never best", () => {
  const points = { x: [1, 2, 3, 4], y: [NaN, 3, 1, Infinity] };
  assert.deepEqual(bestAndLast(points, true), { last: Infinity, best: 1, bestAt: 3 });
  assert.deepEqual(bestAndLast(points, false), { last: Infinity, best: 3, bestAt: 2 });
  assert.deepEqual(bestAndLast({ x: [1], y: [NaN] }, true), { last: NaN, best: null, bestAt: 0 });
  assert.equal(bestAndLast({ x: [], y: [] }, true), null);
  assert.deepEqual(["validation_loss", "val/wer_error", "epoch_accuracy", "val/iou"].map(lowerIsBetter), [true, true, false, false]);
});

test("only settings that differ are shown, where a run was started last", () => {
  const settings = [new Map([["env/host", "a"], ["lr", "1"], ["depth", "3"]]), new Map([["env/host", "b"], ["lr", "2"], ["depth", "3"]]), null];
  assert.deepEqual(differences(settings.slice(0, 2)).map(({ name }) => name), ["lr", "env/host"]);
  assert.deepEqual(differences([new Map([["lr", "1"]]), new Map()]), [{ name: "lr", values: ["1", null] }]);
});

test("a comparison begins with the usual values that somebody has", () => {
  assert.deepEqual(firstValues(new Set(["epoch_accuracy", "x", "batch_loss"])), ["batch_loss", "epoch_accuracy"]);
  assert.deepEqual(firstValues(new Set(["z", "b", "a"])), ["a", "b"]);
});

test("a part of a curve, and one incarnation, are asked for by whole steps", () => {
  assert.equal(curveQuery("a b", { maxPoints: 5, range: { min: 1.5, max: 2.5 }, incarnation: "7" }).toString(), "name=a+b&max_points=5&x_min=1&x_max=3&incarnation=7");
});

test("curves come once, those of a live trainer again, and one that fails says why while the others are there", async (t) => {
  const asked: string[] = [];
  const due: (() => void)[] = [];
  const timers = { set: (callback: () => void) => due.push(callback), clear: (timer: number) => void (due.length = Math.min(due.length, Math.max(0, timer - 1))) };
  const later = () => due.splice(0).forEach((callback) => callback());
  t.mock.method(globalThis, "fetch", async (url: string) => {
    asked.push(url);
    if (url.includes("/gone")) return new Response('{"error":"no trainer r/gone"}', { status: 404 });
    const answer = url.includes("name=")
      ? { axis: "step", points: [[1, 2], [2, "NaN"]] }
      : url.endsWith("/series")
        ? { series: [{ name: "loss" }, { name: "other" }], incarnations: [{ incarnation: "5", offset: 0, begin: 1 }] }
        : { run: "r", trainer: "a", state: "ALIVE", incarnation: "5", parameters: { lr: "1" } };
    return new Response(JSON.stringify(answer));
  });
  const settled = () => new Promise((done) => setImmediate(() => setImmediate(() => setImmediate(done))));
  const data = new CompareData(({ trainer }) => trainer === "live", () => {}, timers);
  data.show({ items: [item("a"), item("live"), item("gone")], values: ["loss"], hidden: [], group: "" });
  await settled();
  assert.deepEqual(data.items.get("r/a")?.curves.get("loss"), { axis: "step", total: 2, points: { x: [1, 2], y: [2, NaN] } });
  assert.equal(data.items.get("r/gone")?.problem, "no trainer r/gone");
  assert.deepEqual(data.items.get("r/a")?.info?.plan?.parameters, [["lr", "1"]]);
  const before = asked.length;
  later();
  await settled();
  const again = asked.slice(before);
  assert.ok(again.length > 0 && again.every((url) => url.includes("/live/")), again.join());
  data.stop();
  later();
  await settled();
  assert.equal(asked.length, before + again.length);
});
