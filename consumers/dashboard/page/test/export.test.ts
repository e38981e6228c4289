import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf, curlOf, fileName, pythonOf, svgOf, type Frame } from "../src/export";

const line = (name: string, x: number[], y: number[]) => ({ name, colour: "#123456", points: { x, y } });
const session = { run: "r", trainer: "t" };

test("a table has a row for each x, nothing where nothing was said, and NaN as NaN", () => {
  const csv = csvOf("step", [line("a", [1, 2], [0.5, NaN]), line('b, "c"', [2, 3], [-Infinity, 7])]);
  assert.equal(csv, 'step,a,"b, ""c"""\n1,0.5,\n2,NaN,-Infinity\n3,,7\n');
});

const frame: Frame = {
  title: "a < b & c", width: 500, height: 300, x: { min: 0, max: 10 }, y: { min: 0, max: 1 }, logX: false, logY: false,
  ticks: { x: [[5, "5"]], y: [[0.5, "0.5"]] }, text: "#000", grid: "#eee", back: "#fff",
};

test("a drawing holds what is in range, and its words are escaped", () => {
  const svg = svgOf(frame, [{ ...line("<i>", [0, 5, 10, 11], [0, NaN, 1, 1]), dash: [6, 4] }]);
  assert.ok(svg.includes("a &lt; b &amp; c") && svg.includes("&lt;i&gt;") && svg.includes('stroke-dasharray="6 4"'));
  assert.ok(svg.includes('d="M64 272L484 44"'), svg);
});

test("on a logarithmic axis what is not above 0 has no place", () => {
  const svg = svgOf({ ...frame, y: { min: 0.1, max: 10 }, logY: true }, [line("a", [0, 5, 10], [-1, 1, 10])]);
  assert.ok(svg.includes('d="M274 158L484 44"'), svg);
});

test("a curve is asked for elsewhere by an address that any name survives", () => {
  assert.equal(curlOf("http://h:1", session, ["it's a/b"]), "curl -s 'http://h:1/api/trainers/r/t/series?name=it%27s+a%2Fb&max_points=100000'");
  assert.match(pythonOf("http://h:1", session, ['"x"']), /"\\"x\\"": curve\("http:\/\/h:1\/api\/trainers\/r\/t\/series\?name=%22x%22&max_points=100000"\)/);
  assert.deepEqual([fileName("val/iou (%)", "csv"), fileName("日本", "svg")], ["val-iou.csv", "chart.svg"]);
});
