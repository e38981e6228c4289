import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandEvent } from "../src/protocol";
import { beginPlaying, dueEdit, editsOf, isOver, parseSchedule, SchedulePlayer, scheduleText, type Edit } from "../src/schedule";
import { newWatched } from "../src/state";

const command = (step: number, changed: Partial<CommandEvent>): CommandEvent => ({
  kind: "command", run: "r", trainer: "t", timestamp_ms: 0, step, incarnation: 1n, command_id: String(step), type: "SET_KNOB", name: "", value: "", state: "APPLIED",
  issuer: "", old_value: "", new_value: "", reason: "", ...changed,
});

test("the edits of a run are what was applied to its newest incarnation, and come back from their text", () => {
  const watched = newWatched({ run: "r", trainer: "t" });
  watched.events = [  // newest first
    command(70, { type: "PAUSE_TRAINING", new_value: "paused" }),
    command(60, { name: "save_checkpoint", new_value: "at ckpt.pt" }),
    command(40, { name: "weight_decay", value: "0.010", old_value: "0.1", new_value: "0.01" }),
    command(30, { type: "CHANGE_LEARNING_RATE", value: "9", state: "REJECTED" }),
    command(20, { type: "CHANGE_LEARNING_RATE", new_value: "0.002" }),
    command(15, { type: "CHANGE_LEARNING_RATE", new_value: "0.5", incarnation: 9n }),
    command(10, { type: "ARCHIVE_HISTORY" }),
  ];
  const text = "20  set-lr  0.002\n40  set  weight_decay  0.1 -> 0.01\n60  set  save_checkpoint\n70  pause\n";
  const edits = editsOf(watched, 1n);
  assert.equal(scheduleText(edits), text);
  assert.deepEqual(parseSchedule(`# r/t\n\n${text}`), { edits, problems: [] });
});

test("each bad line is named, and why", () => {
  const bad: [string, RegExp][] = [
    ["x  stop", /'x' is not a step/], ["-1  stop", /'-1' is not a step/], ["7", /nothing to do at step 7/], ["7  explode", /'explode' is none of set-lr, set-batch-size, set, pause, resume, stop/],
    ["7  set-lr", /learning rate must be/], ["7  set-lr  -1", /learning rate must be/], ["7  set-batch-size  0", /batch size must be/], ["7  set", /name of a knob/], ["7  stop  now", /'now' is more than stop takes/],
    ["7  set-lr  1 -> 2  3", /'3' is more than set-lr takes/], ["4  stop", /step 4 is below the 5/],
  ];
  const { edits, problems } = parseSchedule(["5  pause  # then", ...bad.map(([line]) => line)].join("\n"));
  assert.deepEqual(edits.map(({ step, type }) => [step, type]), [[5, "PAUSE_TRAINING"]]);
  assert.equal(problems.length, bad.length);
  bad.forEach(([line, why], i) => assert.match(problems[i]!, why, line));
});

test("an edit is due when its step has come; those behind the trainer are skipped", () => {
  const edits = [10, 20, 20, 30].map((step): Edit => ({ step, type: "PAUSE_TRAINING", name: "", oldValue: "", value: "" }));
  const playing = beginPlaying(edits, 15);
  assert.deepEqual([playing.next, playing.skipped, dueEdit(playing, 19)], [1, 1, null]);
  assert.equal(dueEdit(playing, 25), edits[1]);
  assert.equal(isOver(beginPlaying(edits, 31)), true);
});

test("edits are sent one after the other, and the first that is refused ends it", async () => {
  const edits = [1, 2, 3].map((step): Edit => ({ step, type: "CHANGE_LEARNING_RATE", name: "", oldValue: "", value: String(step) }));
  const player = new SchedulePlayer();
  player.play("r/t", edits, 0);
  const sent: string[] = [];
  let answer: () => void = () => {};
  const slow = ({ value }: Edit) => (sent.push(value), new Promise<void>((done) => (answer = done)));
  const first = player.reached("r/t", 5, slow);
  await player.reached("r/t", 5, slow);
  assert.deepEqual(sent, ["1"], "the second waits for the first");
  answer();
  await first;
  await player.reached("r/t", 5, () => Promise.reject(new Error("the broker is away")));
  assert.equal(player.of("r/t")?.problem, "Learning rate 2 at step 2: the broker is away");
  await player.reached("r/t", 5, slow);
  assert.deepEqual(sent, ["1"]);
  player.stop("r/t");
  assert.equal(player.of("r/t"), null);
});
