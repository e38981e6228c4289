import assert from "node:assert/strict";
import { test } from "node:test";
import { EarlierCurves, notAmong, supersededOf } from "../src/earlier_curves";
import type { Incarnation } from "../src/protocol";
import type { FetchedCurve } from "../src/series_api";

const one = (incarnation: bigint, begin: number | null): Incarnation => ({ incarnation, offset: 0, begin });

test("an incarnation is superseded from where any later one begins; one that has said nothing supersedes nothing", () => {
  assert.deepEqual(supersededOf([]), []);
  assert.deepEqual(supersededOf([one(1n, 1)]), []);
  assert.deepEqual(supersededOf([one(1n, 1), one(2n, null)]), []);
  assert.deepEqual(supersededOf([one(1n, 1), one(2n, 1)]), [{ incarnation: 1n, from: 1 }]);
  assert.deepEqual(supersededOf([one(1n, 1), one(2n, 501), one(3n, 301)]), [{ incarnation: 2n, from: 301 }, { incarnation: 1n, from: 301 }]);
  const many = Array.from({ length: 64 }, (_, i) => one(BigInt(i + 1), 1));
  assert.deepEqual(supersededOf(many).map(({ incarnation }) => incarnation), [63n, 62n, 61n]);
});

test("of epochs what is on the line of all is not shown twice", () => {
  const whole = { x: [1, 2, 3], y: [0.9, 0.5, NaN] };
  assert.deepEqual(notAmong({ x: [1, 2, 3, 4], y: [0.9, 0.7, NaN, 0.4] }, whole), { x: [2, 4], y: [0.7, 0.4] });
});

const settled = () => new Promise((done) => setTimeout(done));

test("what was on the charts before a restart stays behind the new curve, over any x", async () => {
  const asked: string[] = [];
  const curves: Record<string, FetchedCurve["points"]> = {
    batch_loss: { x: [1, 2, 300], y: [3, 2, 1] },
    timestamp_ms: { x: [1, 300], y: [10_000, 309_000] },
    epoch_end: { x: [100, 200, 300], y: [1, 2, 3] },
  };
  const earlier = new EarlierCurves(async (name, incarnation, range) => {
    asked.push(`${name} ${incarnation} ${range?.min}`);
    return { points: curves[name]!, axis: "step", total: 3 };
  }, () => {});
  const whole = { axis: "step" as const, points: { x: [1, 2], y: [5, 5] } };
  earlier.show([one(7n, 1)]);
  assert.ok(!earlier.any && earlier.of("batch_loss", whole, "step").length === 0);
  assert.deepEqual(asked, [], "one incarnation has no earlier ones");
  earlier.show([one(7n, 1), one(8n, 1)]);
  earlier.of("batch_loss", whole, "step");
  await settled();
  const [shown] = earlier.of("batch_loss", whole, "step");
  assert.deepEqual([shown!.incarnation, shown!.points, earlier.last], [7n, curves.batch_loss, 300]);
  assert.equal(earlier.of("batch_loss", whole, "step")[0]!.points, shown!.points, "the same object, so that nothing is drawn again");
  assert.deepEqual(earlier.of("batch_loss", whole, "relative")[0]!.points.x, [0, 1, 299], "by its own clock");
  assert.deepEqual(earlier.of("batch_loss", whole, "epoch")[0]!.points.x, [0.01, 0.02, 3]);
  earlier.show([one(7n, 1), one(8n, 1)]);
  assert.deepEqual(asked, ["timestamp_ms 7 undefined", "epoch_end 7 undefined", "batch_loss 7 1"], "each is asked for once");
});
