import assert from "node:assert/strict";
import { test } from "node:test";
import { issueToAll, type BulkProgress } from "../src/bulk";
import { diverged } from "../src/divergence";
import { columns, onlySteps, sorted, usualColumns } from "../src/overview_columns";
import { askedByFilter, filtered } from "../src/overview_filter";
import { linesOf, spreadOf } from "../src/overview_groups";
import { extrasOf, nextSorting, overviewText, readOverview, readSaved, withSaved } from "../src/overview_settings";
import { parseServerText, parseTrainer, type CommandEvent, type Trainer } from "../src/protocol";
import { applyMessage, newState } from "../src/state";
import { noControl } from "../src/trainer_state";
import { withSelected } from "../src/views/overview";
import { offsetsOf, windowOf } from "../src/views/virtual_rows";

const trainer = (name: string, more: object = {}): Trainer => parseTrainer({ run: "r", trainer: name, state: "ALIVE", incarnation: "1", ...more })!;
const names = (list: Trainer[]) => list.map((one) => one.trainer);
const now = 1_700_000_000_000;
const attention = { by: "", down: false };

test("what needs attention comes first, also a loss that is no number; what went wrong days ago does not", () => {
  const list = [
    trainer("a"), trainer("lost", { loss: "NaN" }), trainer("dead", { state: "DEAD" }), trainer("stalled", { state: "STALLED" }),
    trainer("old", { state: "FAILED", idle_since_ms: now - 3 * 24 * 3600_000 }), trainer("t10"), trainer("t9"),
  ];
  assert.deepEqual(names(sorted(list, attention, now)), ["dead", "stalled", "lost", "a", "old", "t9", "t10"]);
  assert.equal(diverged(trainer("a", { loss: 1, validation_loss: "Infinity" })), Infinity);
});

test("every column sorts, both ways, and what has no value is always last", () => {
  const list = [trainer("a", { loss: 2 }), trainer("b"), trainer("c", { loss: 1 }), trainer("d", { loss: "NaN" })];
  assert.deepEqual(names(sorted(list, { by: "loss", down: false }, now)), ["c", "a", "b", "d"]);
  assert.deepEqual(names(sorted(list, { by: "loss", down: true }, now)), ["a", "c", "b", "d"]);
  for (const { id } of columns) assert.equal(sorted(list, { by: id, down: true }, now).length, 4, id);
});

test("the filter knows names, states, models, and trainers whose loss is no number", () => {
  const list = [trainer("a", { model: "resnet" }), trainer("b", { loss: "NaN" }), trainer("c", { state: "PAUSED" })];
  assert.deepEqual(names(filtered(list, "RES a", [])), ["a"]);
  assert.deepEqual(names(filtered(list, "", ["PAUSED", "NaN"])), ["b", "c"]);
  assert.deepEqual(names(filtered(list, "paused", [])), ["c"]);
});

test("a filter has conditions on any value, setting and column; what was not said meets none", () => {
  const with_ = (name: string, loss: number | string, columns: object) => trainer(name, { loss, ...columns });
  const list = [
    with_("a", 0.2, { "value:val/iou": 0.9, "parameter:opt": "adam", "parameter:lr": "1e-3" }),
    with_("b", 0.7, { "value:val/iou": 0.4, "parameter:opt": "sgd", "parameter:lr": "0.01" }),
    with_("c", "NaN", { "value:val/iou": "NaN" }),
  ];
  const found = (text: string) => names(filtered(list, text, [])).join("");
  const cases: [string, string][] = [
    ["loss<0.5", "a"], ["loss>=0.2", "ab"], ["loss=NaN", "c"], ["loss!=nan", "ab"], ["loss=0.70", "b"], ["val/iou>0.5", "a"], ["opt=ADAM", "a"], ["opt!=adam", "b"],
    ["lr=0.001", "a"], ["lr<0.1 val/iou<0.5", "b"], ["trainer=c", "c"], ["state=alive", "abc"], ["nobody=1", ""], ["loss<x", ""], ["r/ loss<1", "ab"], ["adam", "a"],
    ["loss<", ""], ["<0.5", ""],
  ];
  for (const [text, wanted] of cases) assert.equal(found(text), wanted, text);
  assert.deepEqual(askedByFilter("resnet loss<1 val/iou>0.5 val/iou<2 run=x"), ["value:val/iou", "parameter:val/iou"], "what every list has is not asked for");
  assert.deepEqual(extrasOf({ filter: "opt=adam", only: [], sorting: attention, columns: ["name", "value:f1"], group: "", folded: [] }), ["value:f1", "value:opt", "parameter:opt"]);
});

test("two incarnations of one name are two rows, and archived ones are shown when asked for", () => {
  const state = newState({ page: "overview" });
  const one = { run: "r", trainer: "t", state: "ALIVE", incarnation: String(0x3f2a1) };
  const rows = [{ id: 1, ...one, incarnation: "7" }, { id: 2, ...one, newest: false }, { id: 3, ...one, trainer: "old", archived: true }];
  applyMessage(state, parseServerText(JSON.stringify({ type: "list", whole: true, rows, gone: [] }))!, 0);
  assert.deepEqual([...state.trainers.keys()], ["r/t", "r/t@3f2a1", "r/old"]);
  assert.equal(noControl(state.trainers.get("r/t@3f2a1")!, "open", true), "", "a command names the incarnation it is for");
  assert.deepEqual(names(filtered(state.trainers.values(), "", [])), ["t", "t"]);
  assert.deepEqual(names(filtered(state.trainers.values(), "", ["archived"])), ["old"]);
});

test("a view of the list is in the address and back; nonsense is as if not said", () => {
  const settings = { filter: "a & b", only: ["DEAD", "NaN"], sorting: { by: "loss", down: true }, columns: ["state", "name", "eta"], group: "run", folded: ["a b", ""] };
  assert.deepEqual(readOverview(new URLSearchParams(overviewText(settings))), settings);
  assert.equal(overviewText({ filter: "", only: [], sorting: attention, columns: usualColumns, group: "", folded: [] }), "");
  const nonsense = readOverview(new URLSearchParams("only=HAPPY&sort=-money&cols=money,loss"));
  assert.deepEqual([nonsense.only, nonsense.sorting, nonsense.columns], [[], attention, ["name", "loss"]]);
});

test("a column sorts up, then down, then not", () => {
  const once = nextSorting(attention, "loss");
  assert.deepEqual([once, nextSorting(once, "loss"), nextSorting(nextSorting(once, "loss"), "loss")], [{ by: "loss", down: false }, { by: "loss", down: true }, attention]);
});

test("views are kept under their names", () => {
  const list = withSaved(withSaved([], { name: "a", view: "q=1" }), { name: "a", view: "q=2" });
  assert.deepEqual(readSaved(JSON.stringify(list)), [{ name: "a", view: "q=2" }]);
  for (const nonsense of ["", "{}", "[7]", "null"]) assert.deepEqual(readSaved(nonsense), []);
});

test("a thousand rows are a few dozen", () => {
  const rows = offsetsOf(new Array<number>(1000).fill(50));
  assert.deepEqual(windowOf(300, 900, rows), { first: 0, end: 24 });
  assert.deepEqual(windowOf(-10_000, 900, rows), { first: 192, end: 232 });
  assert.deepEqual(windowOf(-90_000, 900, rows), { first: 992, end: 1000 });
  assert.deepEqual(windowOf(0, 900, offsetsOf([])), { first: 0, end: 0 });
});

test("rows of different heights lie under one another, and those near the window are found", () => {
  assert.deepEqual(offsetsOf([92, 132, 132, 92]), [0, 92, 224, 356, 448]);
  const rows = offsetsOf(Array.from({ length: 100 }, (_, i) => (i % 2 ? 132 : 92)));
  assert.deepEqual(windowOf(-5600, 844, rows), { first: 40, end: 72 });
});

test("with Shift a range is selected, in the order on screen", () => {
  const order = ["a", "b", "c", "d"];
  assert.deepEqual([...withSelected(new Set(["d"]), "c", "a", order)].sort(), ["a", "b", "c", "d"]);
  assert.deepEqual([...withSelected(new Set(["a"]), "a", "", order)], []);
  assert.deepEqual([...withSelected(new Set(), "b", "gone", order)], ["b"]);
});

test("a list has what changed; a trainer of whom nothing changed stays the same object, and who went is gone", () => {
  const state = newState({ page: "overview" });
  const take = (message: object) => applyMessage(state, parseServerText(JSON.stringify({ type: "list", whole: false, rows: [], gone: [], ...message }))!, 0);
  const row = (id: number, more: object = {}) => ({ id, run: "r", trainer: `t${id}`, state: "ALIVE", incarnation: "1", loss: 2, "value:f1": 0.5, ...more });
  take({ whole: true, rows: [row(1), row(2)] });
  const before = state.trainers;
  take({});
  assert.equal(state.trainers, before, "nothing changed");
  take({ rows: [{ id: 2, loss: "NaN", "value:f1": 0.6 }] });
  assert.equal(state.trainers.get("r/t1"), before.get("r/t1"));
  const changed = state.trainers.get("r/t2")!;
  assert.deepEqual([changed.loss, changed.state, changed.columns], [NaN, "ALIVE", { "value:f1": 0.6 }]);
  take({ rows: [row(3)], gone: [1] });
  assert.deepEqual([...state.trainers.keys()], ["r/t2", "r/t3"]);
  take({ whole: true, rows: [row(9)] });
  assert.deepEqual([...state.trainers.keys()], ["r/t9"]);
});

test("a list of groups has a head for each, and a closed one its head alone", () => {
  const list = [trainer("a", { "parameter:opt": "sgd", loss: 1 }), trainer("b", { "parameter:opt": "adam" }), trainer("c", { "parameter:opt": "sgd", loss: 3 }), trainer("d")];
  const heads = (closed: string[]) => linesOf(list, "parameter:opt", closed).map((line) => ("group" in line ? `(${line.group.name})` : line.trainer.trainer));
  assert.deepEqual(heads([]), ["(adam)", "b", "(sgd)", "a", "c", "()", "d"]);
  assert.deepEqual(heads(["sgd", ""]), ["(adam)", "b", "(sgd)", "()"]);
  assert.deepEqual(linesOf(list, "", []).length, 4);
  assert.deepEqual(spreadOf([1, 3, null, NaN]), { mean: 2, low: 1, high: 3 });
  assert.equal(spreadOf([null, Infinity]), null);
});

test("columns of any name and the group are in the address", () => {
  const columnsAndGroup = { filter: "", only: [], sorting: { by: "value:val/f1, 5", down: true }, columns: [...usualColumns, "value:val/f1, 5"], group: "parameter:opt", folded: [] };
  assert.deepEqual(readOverview(new URLSearchParams(overviewText(columnsAndGroup))), columnsAndGroup);
  assert.deepEqual(extrasOf(columnsAndGroup), ["value:val/f1, 5", "parameter:opt"]);
  assert.equal(readOverview(new URLSearchParams("group=loss&col=loss")).group, "");
});

test("many are asked one by one; who is refused is named, what is put off is asked again", async () => {
  const trainers = ["a", "b", "c"].map((name) => trainer(name));
  const asked: string[] = [];
  let waited = 0;
  const seen: BulkProgress[] = [];
  const end = await issueToAll(
    { title: "Pause", trainers },
    async ({ trainer: name }) => {
      asked.push(name);
      if (name === "b") throw new Error("the trainer has ended");
      if (name === "c" && asked.filter((one) => one === "c").length < 3) throw new Error("too many commands");
      return { command_id: `id-${name}` } as CommandEvent;
    },
    (progress) => seen.push(progress),
    async (ms) => void (waited += ms),
  );
  assert.deepEqual(asked, ["a", "b", "c", "c", "c"]);
  assert.deepEqual(end.commands, ["id-a", "id-c"]);
  assert.deepEqual(end.refused, [{ session: "r/b", why: "the trainer has ended" }]);
  assert.ok(end.done && seen.length === 4 && waited > 2000);
});

test("who says only values has steps, and neither epochs nor batches", () => {
  const made = (more: object) => parseTrainer({ run: "r", trainer: "t", state: "ALIVE", incarnation: "1", ...more })!;
  assert.deepEqual([{ step: 820 }, { step: 820, epoch: 1 }, { step: 820, batch: 0 }, { step: 0 }, {}].map((more) => onlySteps(made(more))), [true, false, false, false, false]);
});
