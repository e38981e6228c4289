import assert from "node:assert/strict";
import { test } from "node:test";
import { issueToAll, type BulkProgress } from "../src/bulk";
import { diverged } from "../src/divergence";
import { columns, filtered, sorted, usualColumns } from "../src/overview_columns";
import { nextSorting, overviewText, readOverview, readSaved, withSaved } from "../src/overview_settings";
import { parseServerText, parseTrainer, type CommandEvent, type Trainer } from "../src/protocol";
import { applyMessage, newState } from "../src/state";
import { noControl } from "../src/trainer_state";
import { withSelected } from "../src/views/overview";
import { windowOf } from "../src/views/virtual_rows";

const trainer = (name: string, more: object = {}): Trainer => parseTrainer({ run: "r", trainer: name, state: "ALIVE", incarnation: "1", ...more })!;
const names = (list: Trainer[]) => list.map((one) => one.trainer);
const attention = { by: "", down: false };

test("what needs attention comes first, also a loss that is no number; what went wrong days ago does not", () => {
  const list = [
    trainer("a"), trainer("lost", { loss: "NaN" }), trainer("dead", { state: "DEAD" }), trainer("stalled", { state: "STALLED" }),
    trainer("old", { state: "FAILED", last_record_age_ms: 3 * 24 * 3600_000 }), trainer("t10"), trainer("t9"),
  ];
  assert.deepEqual(names(sorted(list, attention)), ["dead", "stalled", "lost", "a", "old", "t9", "t10"]);
  assert.equal(diverged(trainer("a", { loss: 1, validation_loss: "Infinity" })), Infinity);
});

test("every column sorts, both ways, and what has no value is always last", () => {
  const list = [trainer("a", { loss: 2 }), trainer("b"), trainer("c", { loss: 1 }), trainer("d", { loss: "NaN" })];
  assert.deepEqual(names(sorted(list, { by: "loss", down: false })), ["c", "a", "b", "d"]);
  assert.deepEqual(names(sorted(list, { by: "loss", down: true })), ["a", "c", "b", "d"]);
  for (const { id } of columns) assert.equal(sorted(list, { by: id, down: true }).length, 4, id);
});

test("the filter knows names, states, models, and trainers whose loss is no number", () => {
  const list = [trainer("a", { model: "resnet" }), trainer("b", { loss: "NaN" }), trainer("c", { state: "PAUSED" })];
  assert.deepEqual(names(filtered(list, "RES a", [])), ["a"]);
  assert.deepEqual(names(filtered(list, "", ["PAUSED", "NaN"])), ["b", "c"]);
  assert.deepEqual(names(filtered(list, "paused", [])), ["c"]);
});

test("two incarnations of one name are two rows, and archived ones are shown when asked for", () => {
  const state = newState({ page: "overview" });
  const one = { run: "r", trainer: "t", state: "ALIVE", incarnation: String(0x3f2a1) };
  const trainers = [{ ...one, incarnation: "7" }, { ...one, newest: false }, { ...one, trainer: "old", archived: true }];
  applyMessage(state, parseServerText(JSON.stringify({ type: "trainers", trainers }))!, 0);
  assert.deepEqual([...state.trainers.keys()], ["r/t", "r/t@3f2a1", "r/old"]);
  assert.match(noControl(state.trainers.get("r/t@3f2a1")!, "open", true), /newer incarnation/);
  assert.deepEqual(names(filtered(state.trainers.values(), "", [])), ["t", "t"]);
  assert.deepEqual(names(filtered(state.trainers.values(), "", ["archived"])), ["old"]);
});

test("a view of the list is in the address and back; nonsense is as if not said", () => {
  const settings = { filter: "a & b", only: ["DEAD", "NaN"], sorting: { by: "loss", down: true }, columns: ["state", "name", "eta"] };
  assert.deepEqual(readOverview(new URLSearchParams(overviewText(settings))), settings);
  assert.equal(overviewText({ filter: "", only: [], sorting: attention, columns: usualColumns }), "");
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
  assert.deepEqual(windowOf(300, 900, 50, 1000), { first: 0, end: 20 });
  assert.deepEqual(windowOf(-10_000, 900, 50, 1000), { first: 192, end: 226 });
  assert.deepEqual(windowOf(-90_000, 900, 50, 1000), { first: 1000, end: 1000 });
  assert.deepEqual(windowOf(0, 900, 50, 0), { first: 0, end: 0 });
});

test("with Shift a range is selected, in the order on screen", () => {
  const order = ["a", "b", "c", "d"];
  assert.deepEqual([...withSelected(new Set(["d"]), "c", "a", order)].sort(), ["a", "b", "c", "d"]);
  assert.deepEqual([...withSelected(new Set(["a"]), "a", "", order)], []);
  assert.deepEqual([...withSelected(new Set(), "b", "gone", order)], ["b"]);
});

test("a trainer of whom only the ages changed stays the same object", () => {
  const state = newState({ page: "overview" });
  const list = (more: object) => {
    const trainers = [{ run: "r", trainer: "t", state: "ALIVE", sparkline: [1, 2], loss: "NaN", ...more }];
    applyMessage(state, parseServerText(JSON.stringify({ type: "trainers", trainers }))!, 0);
    return state.trainers.get("r/t")!;
  };
  const first = list({ heartbeat_age_ms: 10 });
  const second = list({ heartbeat_age_ms: 500 });
  assert.equal(second, first);
  assert.equal(second.heartbeat_age_ms, 500);
  assert.notEqual(list({ sparkline: [1, 2, 3] }), first);
  assert.notEqual(list({ step: 7 }), list({ step: 8 }));
});

test("many are asked one by one; who is refused is named, what is put off is asked again", async () => {
  const sessions = ["a", "b", "c"].map((name) => ({ run: "r", trainer: name }));
  const asked: string[] = [];
  let waited = 0;
  const seen: BulkProgress[] = [];
  const end = await issueToAll(
    { title: "Pause", sessions },
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
