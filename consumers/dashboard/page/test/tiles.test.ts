import assert from "node:assert/strict";
import { test } from "node:test";
import { readTileSettings, tileSettingsText } from "../src/tile_settings";
import { arranged, asTheyCome, readArrangement, writeArrangement } from "../src/tiles/arrangement";
import { Confusion, kMaxPredictions } from "../src/tiles/confusion";
import type { TileVerdict } from "../src/tiles/messages";
import { kMaxBatches, TileHistory } from "../src/tiles/tile_history";
import { askedPixels, fittingColumns, kMaxTiles, layoutFor, tileOrigin } from "../src/tiles/tile_layout";

const verdict = (index: number, right: boolean | null, confidence: number, truth = "cat"): TileVerdict => ({
  index, label: "x", truth, predictedClass: 0, truthClass: 0, confidence, right, scores: [],
});
const verdicts = [verdict(0, true, 0.9), verdict(1, false, 0.4), verdict(2, null, 0, ""), verdict(3, false, 0.8, "dog"), verdict(4, true, 0.3)];

test("worst first is confidently wrong before hardly wrong, and confidently right last", () => {
  assert.deepEqual(arranged(verdicts, asTheyCome), [0, 1, 2, 3, 4]);
  assert.deepEqual(arranged(verdicts, { ...asTheyCome, worstFirst: true }), [3, 1, 2, 4, 0]);
});

test("only wrong ones, only a class, both, and none", () => {
  assert.deepEqual(arranged(verdicts, { ...asTheyCome, wrongOnly: true }), [1, 3]);
  assert.deepEqual(arranged(verdicts, { ...asTheyCome, truth: "dog" }), [3]);
  assert.deepEqual(arranged(verdicts, { worstFirst: true, wrongOnly: true, truth: "cat" }), [1]);
  assert.deepEqual(arranged(verdicts, { ...asTheyCome, truth: "cow" }), []);
});

const batch = (sequence: number, size = 10) => ({ bytes: new Uint8Array(size), sequence: BigInt(sequence) });

test("the last 200 batches are kept, and less when they are large", () => {
  const history = new TileHistory();
  for (let i = 1; i <= 300; i++) history.add(batch(i));
  assert.equal(history.length, kMaxBatches);
  assert.deepEqual([history.at(0)?.sequence, history.at(199)?.sequence, history.at(999)?.sequence, history.at(-5)?.sequence], [300n, 101n, 101n, 300n]);
  assert.deepEqual([history.backOf(290n), history.backOf(7n)], [10, 0]);
  for (let i = 301; i <= 303; i++) history.add(batch(i, 40 << 20));
  assert.equal(history.length, 2);
  history.add(batch(304, 200 << 20));
  assert.equal(history.length, 1, "one is always kept");
  history.clear();
  assert.equal(history.at(0), undefined);
});

test("automatic columns make the tiles as large as fit, and never lose one", () => {
  for (const width of [200, 390, 600, 1400, 1900, 3800])
    for (const height of [100, 400, 700, 1200, 2000]) {
      const columns = fittingColumns(width, height);
      assert.ok(columns >= 2 && columns <= 16);
      const layout = layoutFor(width, columns);
      if (columns < 16) assert.ok(layout.height <= height, `${width}x${height}: ${columns} columns, ${layout.height}`);
      const { x, y } = tileOrigin(layout, kMaxTiles - 1);
      assert.ok(x + layout.cell <= width + 0.01 || layout.cell === 16);
      assert.ok(y + layout.cell <= layout.height + 0.01);
    }
  assert.equal(fittingColumns(1400, 500), 8);
});

test("the page asks for the size it draws, in few steps", () => {
  assert.equal(askedPixels(layoutFor(1400, 8), 1), 192);
  assert.equal(askedPixels(layoutFor(1400, 8), 2), 384);
  assert.equal(askedPixels(layoutFor(360, 4), 1), 96);
  assert.equal(askedPixels(layoutFor(3800, 2), 2), 512, "no trainer sends larger ones");
});

test("the confusion matrix counts the newest predictions of the classes that occurred", () => {
  const confusion = new Confusion();
  confusion.take(0, 0);
  confusion.take(0, 2);
  confusion.take(2, 0);
  confusion.take(0, 2);
  confusion.take(-1, 0);
  confusion.take(1, -1);
  assert.deepEqual(confusion.matrix(["cat", "dog"]), { labels: ["cat", "#2"], values: [1, 2, 1, 0], total: 4 });
  assert.deepEqual(confusion.mostConfused(["cat", "dog", "cow"], 1), [{ truth: "cat", predicted: "cow", count: 2 }]);
  for (let i = 0; i < kMaxPredictions; i++) confusion.take(1, 1);
  assert.deepEqual(confusion.matrix(["cat", "dog"])?.values, [kMaxPredictions], "older ones are forgotten");
  assert.equal(confusion.total, kMaxPredictions + 4);
});

test("a matrix of a thousand classes is none, and the pairs are still said", () => {
  const confusion = new Confusion();
  for (let i = 0; i < 1000; i++) confusion.take(i, (i + 1) % 1000);
  assert.equal(confusion.matrix([]), null);
  assert.equal(confusion.mostConfused([], 3).length, 3);
});

test("how tiles are shown is kept as far as it makes sense", () => {
  assert.deepEqual(readTileSettings(tileSettingsText({ columns: 8, wide: true })), { columns: 8, wide: true });
  for (const nonsense of ["", "1 wide", "17 x", "x"]) assert.equal(readTileSettings(nonsense).columns, 0);
});

test("order and choice of the tiles are in the address, only where they differ from how they come", () => {
  const params = new URLSearchParams("x=time");
  writeArrangement({ worstFirst: true, wrongOnly: true, truth: "a cat" }, params);
  assert.equal(params.toString(), "x=time&tile-order=worst&tile-only=wrong&tile-class=a+cat");
  assert.deepEqual(readArrangement(params), { worstFirst: true, wrongOnly: true, truth: "a cat" });
  writeArrangement(asTheyCome, params);
  assert.equal(params.toString(), "x=time");
  assert.deepEqual(readArrangement(params), asTheyCome);
});
