import assert from "node:assert/strict";
import { test } from "node:test";
import { snippetsOf } from "../src/copy_as";
import { parseTrainer } from "../src/protocol";
import { csvOf, curlOf, fileName, pythonOf } from "../src/export";
import { svgOf, type Frame } from "../src/svg";

const line = (name: string, x: number[], y: number[]) => ({ name, colour: "#123456", points: { x, y } });
const session = { run: "r", trainer: "t" };

test("a table has a row for each x, nothing where nothing was said, and NaN as NaN", () => {
  const csv = csvOf("step", [line("a", [1, 2], [0.5, NaN]), line('b, "c"', [2, 3], [-Infinity, 7])]);
  assert.equal(csv, 'step,a,"b, ""c"""\n1,0.5,\n2,NaN,-Infinity\n3,,7\n');
});

const scale = (min: number, max: number, log = false): Frame["x"] => ({ min, max, log, ticks: [[(min + max) / 2, "half"]] });
const frame: Frame = { title: "a < b & c", width: 500, height: 300, x: scale(0, 10), y: scale(0, 1), right: null, marks: [], text: "#000", grid: "#eee", back: "#fff" };

test("a drawing holds what is in range, and its words are escaped", () => {
  const svg = svgOf(frame, [{ ...line("<i>", [0, 5, 10, 11], [0, NaN, 1, 1]), dash: [6, 4] }]);
  assert.ok(svg.includes("a &lt; b &amp; c") && svg.includes("&lt;i&gt;") && svg.includes('stroke-dasharray="6 4"'));
  assert.ok(svg.includes('d="M64 272L484 44"'), svg);
  assert.ok(svg.includes('d="M274 272v-8"'), "NaN is a tick at the bottom");
});

test("on a logarithmic axis what is not above 0 has no place", () => {
  const svg = svgOf({ ...frame, y: scale(0.1, 10, true) }, [line("a", [0, 5, 10], [-1, 1, 10])]);
  assert.ok(svg.includes('d="M274 158L484 44"'), svg);
});

test("a drawing has the axis on the right, bands, marks and the raw line behind a smoothed one", () => {
  const lines = [
    { ...line("loss", [0, 10], [0, 1]), faint: true }, line("loss", [0, 10], [0.5, 0.5]),
    { ...line("mean", [0, 10], [0.5, 1]), band: { x: [0, 10], low: [0, 0], high: [1, 1] } }, { ...line("rate", [0, 10], [0, 100]), right: true },
  ];
  const svg = svgOf({ ...frame, right: scale(0, 100), marks: [{ x: 5, text: "lr 1 → 2", colour: "#f00" }, { x: 11, text: "out of range", colour: "#f00" }] }, lines);
  assert.equal(svg.match(/rate \(right\)/g)?.length, 1);
  assert.equal(svg.match(/>loss</g)?.length, 1, "named once");
  assert.ok(svg.includes('d="M64 272L436 44" stroke="#123456"'), "by its own scale");
  assert.ok(svg.includes('stroke-opacity="0.35"') && svg.includes('fill-opacity="0.2"') && svg.includes("lr 1 → 2") && !svg.includes("out of range"));
});

test("long names take as many rows of the legend as they need, and the lines keep clear of them", () => {
  const svg = svgOf(frame, ["a", "b", "c"].map((name) => line(name.repeat(60), [0, 10], [0, 1])));
  assert.deepEqual([...svg.matchAll(/y="(\d+)" fill="#123456"/g)].map(([, y]) => y), ["35", "51", "67"]);
  assert.ok(svg.includes('d="M64 272L484 76"'), svg);
});

test("where people log in, what is copied shows a token, and says where that is", () => {
  const curl = curlOf("http://h:1", session, ["loss"], true);
  assert.match(curl, /^# TRAINBUS_TOKEN: .*\ncurl -s -H "Authorization: Bearer \$TRAINBUS_TOKEN" 'http:/);
  assert.match(pythonOf("http://h:1", session, ["loss"], true), /Request\(url, headers=token\)/);
  const trainer = parseTrainer({ run: "r", trainer: "t", state: "ALIVE", incarnation: "1" })!;
  const texts = (login: boolean) => snippetsOf(trainer, [trainer], "tcp://b:1", "http://h:1", login).map(({ text }) => text);
  assert.deepEqual(texts(true).map((text) => (text.match(/TRAINBUS_TOKEN"/g) ?? []).length), [0, 4, 1], "ctl has its key");
  assert.ok(texts(false).every((text) => !text.includes("TOKEN")));
});

test("a curve is asked for elsewhere by an address that any name survives", () => {
  assert.equal(curlOf("http://h:1", session, ["it's a/b"], false), "curl -s 'http://h:1/api/trainers/r/t/series?name=it%27s+a%2Fb&max_points=100000'");
  assert.match(pythonOf("http://h:1", session, ['"x"'], false), /"\\"x\\"": curve\("http:\/\/h:1\/api\/trainers\/r\/t\/series\?name=%22x%22&max_points=100000"\)/);
  assert.deepEqual([fileName("val/iou (%)", "csv"), fileName("日本", "svg")], ["val-iou.csv", "chart.svg"]);
});

test("a name that would be a formula in a spreadsheet, or hides something in a script, is only a name", () => {
  const line = (name: string) => ({ name, colour: "red", points: { x: [1], y: [2] } });
  assert.equal(csvOf("step", [line("=1+1"), line("@x,\"y\"")]).split("\n")[0], `step,'=1+1,"'@x,""y"""`);
  const script = pythonOf("http://h", { run: "r", trainer: "t" }, ["a\u202eb\u2066\"'"], false);
  assert.match(script, /^ {4}"a\\u202eb\\u2066\\"'": curve\("/m);
  assert.doesNotMatch(script, /[\u202e\u2066]/);
});
