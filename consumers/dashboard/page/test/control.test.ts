import assert from "node:assert/strict";
import { test } from "node:test";
import { farOfSome } from "../src/bulk";
import { choicesOf, farQuestion, valueProblem, type Command } from "../src/command";
import { parseTrainer, type CommandPhase, type CommandVerb, type Knob, type Trainer } from "../src/protocol";
import { noControl, shortIncarnation, shownState } from "../src/trainer_state";

const now = 1_700_000_000_000;
const trainer = (state: string): Trainer => parseTrainer({ run: "r", trainer: "t", state, incarnation: "1" })!;
const command = (type: CommandVerb, state: CommandPhase, endedAt = 0, name = "t"): Command => ({
  kind: "command", run: "r", trainer: name, timestamp_ms: now, step: 0, incarnation: 1n, command_id: `${type}${name}`, type, name: "", value: "", state,
  issuer: "", old_value: "", new_value: "", reason: "", endedAt,
});

test("the badge changes with the command, and the list has the last word", () => {
  const shown = (state: string, ...commands: Command[]) => shownState(trainer(state), commands, now);
  assert.equal(shown("ALIVE", command("PAUSE_TRAINING", "DELIVERED")), "PAUSING");
  assert.equal(shown("ALIVE", command("PAUSE_TRAINING", "APPLIED", now - 100)), "PAUSED");
  assert.equal(shown("ALIVE", command("PAUSE_TRAINING", "APPLIED", now - 5000)), "ALIVE");
  assert.equal(shown("PAUSED", command("RESUME_TRAINING", "ACCEPTED")), "RESUMING");
  assert.equal(shown("ALIVE", command("PAUSE_TRAINING", "REJECTED", now)), "ALIVE");
  assert.equal(shown("ALIVE", command("STOP_TRAINING", "APPLIED", now)), "STOPPING");
  assert.equal(shown("STOPPED", command("STOP_TRAINING", "APPLIED", now)), "STOPPED");
  assert.equal(shown("PAUSED", command("PAUSE_TRAINING", "APPLIED", now - 50), command("RESUME_TRAINING", "APPLIED", now)), "ALIVE", "the newest counts");
  assert.equal(shown("ALIVE", command("PAUSE_TRAINING", "DELIVERED", 0, "other"), command("CHANGE_LEARNING_RATE", "ISSUED")), "ALIVE");
});

test("who cannot be asked says why", () => {
  assert.equal(noControl(trainer("ALIVE"), "open", true), "");
  assert.match(noControl(trainer("ALIVE"), "lost", true), /no connection/);
  assert.match(noControl(trainer("ALIVE"), "open", false), /broker is away/);
  assert.match(noControl(trainer("COMPLETED"), "open", true), /COMPLETED/);
  assert.match(noControl(trainer("DEAD"), "open", true), /dead/);
});

test("a value ten times away from the one in force is asked about", () => {
  assert.equal(farQuestion("0.01", "0.02"), "");
  assert.equal(farQuestion("0.01", "0.1"), "0.1 is 10 times more than 0.01");
  assert.equal(farQuestion("64", "4"), "4 is 16 times less than 64");
  assert.equal(farQuestion("0.5", "0"), "0 instead of 0.5");
  assert.equal(farQuestion("1", "-1"), "-1 has another sign than 1");
  for (const [current, raw] of [["", "5"], ["–", "5"], ["0", "5"], ["5", ""], ["5", "x"], ["5", "5"]] as const) assert.equal(farQuestion(current, raw), "");
});

test("many are asked about as well, as far as it is far for them", () => {
  const at = (learning_rate: number | null) => parseTrainer({ run: "r", trainer: "t", state: "ALIVE", incarnation: "1", learning_rate, batch_size: 8 })!;
  const three = [at(0.02), at(0.5), at(null)];
  assert.equal(farOfSome(three, "CHANGE_LEARNING_RATE", "0.9"), "0.9 is 45 times more than 0.02, for 1 of 3");
  assert.equal(farOfSome(three, "CHANGE_LEARNING_RATE", "0.1"), "");
  assert.equal(farOfSome(three, "ADJUST_BATCH_SIZE", "800"), "800 is 100 times more than 8, for 3 of 3");
  assert.equal(farOfSome(three, "SET_KNOB", "800"), "");
});

test("a number is what the broker takes for one", () => {
  for (const good of ["0.1", " 1e-3 ", "+.5", "2.", "1E2"]) assert.equal(valueProblem("CHANGE_LEARNING_RATE", good), "");
  for (const bad of ["", "0x10", "1_000", "0,1", "1e", "Infinity", "nan", "1e400", "0b1", "-1", "0", "1 2"]) assert.match(valueProblem("CHANGE_LEARNING_RATE", bad), /^learning rate must be/, bad);
});

test("what a trainer says of its learning rate and batch size holds for them too", () => {
  const knob = (name: string, more: Partial<Knob>): Knob => ({ name, type: "number", unit: "", min: null, max: null, value: "", choices: [], help: "", ...more });
  assert.equal(valueProblem("CHANGE_LEARNING_RATE", "3", knob("learning_rate", { max: 1 })), "learning_rate must be at most 1, got '3'");
  assert.equal(valueProblem("ADJUST_BATCH_SIZE", "4", knob("batch_size", { type: "integer", min: 8 })), "batch_size must be at least 8, got '4'");
  assert.equal(valueProblem("ADJUST_BATCH_SIZE", "16", knob("batch_size", { type: "integer", min: 8 })), "");
});

test("for many, too, a knob is set to what it can be", () => {
  const knob = (type: Knob["type"], choices: string[] = []): Knob => ({ name: "k", type, unit: "", min: 0, max: 1, value: "", choices, help: "" });
  assert.deepEqual(choicesOf(knob("switch")), ["on", "off"]);
  assert.deepEqual(choicesOf(knob("choice", ["a", "b"])), ["a", "b"]);
  assert.equal(choicesOf(knob("number")), undefined);
  assert.equal(valueProblem("SET_KNOB", "2", knob("number")), "k must be at most 1, got '2'");
});

test("an incarnation is told by its last five hexadecimal digits", () => {
  assert.equal(shortIncarnation(0x123_3f2a1n), "3f2a1");
  assert.equal(shortIncarnation(1n << 20n), "00000");
});
