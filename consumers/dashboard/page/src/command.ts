// Commands to a trainer: what may be asked, how it is asked, and how it ended.
import { commandAfter, commandPhases, type CommandEvent, type CommandPhase, type CommandVerb, type Knob } from "./protocol";
import { apiOf, type Session } from "./route";

export interface Command extends CommandEvent {
  endedAt: number; // local ms; 0 while it is under way
}

const kMaxBatchSize = 1 << 20;

export const isEnded = (phase: CommandPhase): boolean => commandPhases.indexOf(phase) >= commandPhases.indexOf("APPLIED");

export const commandName: Record<CommandVerb, string> = {
  PAUSE_TRAINING: "Pause",
  RESUME_TRAINING: "Resume",
  STOP_TRAINING: "Stop",
  ADJUST_BATCH_SIZE: "Batch size",
  CHANGE_LEARNING_RATE: "Learning rate",
  SET_KNOB: "Set",
  ARCHIVE_HISTORY: "Archive",
  RESTORE_HISTORY: "Restore",
  DELETE_HISTORY: "Delete",
};
export const isOfHistory = (type: CommandVerb): boolean => type.endsWith("_HISTORY");
export const commandTitle = ({ type, name }: Pick<CommandEvent, "type" | "name">): string =>
  type === "SET_KNOB" ? knobTitle(name) : commandName[type];
// save_checkpoint: "save checkpoint"
export const knobTitle = (name: string): string => name.replaceAll("_", " ");

// As the broker reads a number: not 0x10, not 1_000.
const kNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const numberIn = (text: string): number => (kNumber.test(text.trim()) ? Number(text) : NaN);

// The broker's own words for what is wrong with a value, so that both say the same; empty when it is good. `knob`: what
// the trainer says of what is set.
export function valueProblem(type: CommandVerb, raw: string, knob?: Knob): string {
  const text = raw.trim();
  const value = numberIn(text);
  const got = text === "" ? "nothing" : `'${text.slice(0, 32)}'`;
  if (type === "ADJUST_BATCH_SIZE" && !(Number.isInteger(value) && value >= 1 && value <= kMaxBatchSize)) {
    return `batch size must be a whole number from 1 to ${kMaxBatchSize}, got ${got}`;
  }
  if (type === "CHANGE_LEARNING_RATE" && !(Number.isFinite(value) && value > 0)) {
    return `learning rate must be a finite number above 0, got ${got}`;
  }
  return knob ? knobProblem(knob, value, got) : "";
}

// Only what is plainly wrong; the broker has the last word.
function knobProblem({ name, type, min, max }: Knob, value: number, got: string): string {
  const kind = type === "integer" ? "a whole number" : "a number";
  const good = Number.isFinite(value) && (type !== "integer" || Number.isInteger(value));
  if (!good) return `${name} must be ${kind}, got ${got}`;
  if (min !== null && value < min) return `${name} must be at least ${min}, got ${got}`;
  if (max !== null && value > max) return `${name} must be at most ${max}, got ${got}`;
  return "";
}

// What it can be set to, where that is one of a few; undefined: any number.
export function choicesOf({ type, choices }: Knob): readonly string[] | undefined {
  if (type === "switch") return ["on", "off"];
  return type === "choice" ? choices : undefined;
}

const kFar = 10;

// What to ask before a value so far from the one in force is sent; empty when it is near.
export function farQuestion(current: string, raw: string): string {
  const [from, to] = [numberIn(current), numberIn(raw)];
  if (!Number.isFinite(from) || !Number.isFinite(to) || from === 0 || to === from) return "";
  const ratio = Math.abs(to / from);
  if (from * to < 0) return `${to} has another sign than ${from}`;
  if (to === 0) return `0 instead of ${from}`;
  if (ratio < kFar && ratio > 1 / kFar) return "";
  const times = ratio >= 1 ? ratio : 1 / ratio;
  return `${to} is ${Number(times.toPrecision(3))} times ${ratio >= 1 ? "more" : "less"} than ${from}`;
}

// The states of the command as they come over the bus are news enough; the answer only carries the id and the first
// state. Throws an Error with the server's one line.
// `incarnation`: which of several that are alive under one name; 0: there is one.
export async function issueCommand(session: Session, type: CommandVerb, value: string, knob = "", incarnation = 0n): Promise<CommandEvent> {
  const response = await fetch(`${apiOf(session)}/commands`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ type, ...(knob && { name: knob }), ...(value !== "" && { value: value.trim() }), ...(incarnation !== 0n && { incarnation: String(incarnation) }) }),
  });
  const answer: unknown = await response.json().catch(() => null);
  const said = (key: string): string => {
    const field = (answer as Record<string, unknown> | null)?.[key];
    return typeof field === "string" ? field : "";
  };
  if (!response.ok) throw new Error(said("error") || `the server answered ${response.status}`);
  const state = commandPhases.find((phase) => phase === said("state")) ?? "ISSUED";
  const reason = reasonIn(answer);
  return {
    kind: "command",
    run: session.run,
    trainer: session.trainer,
    timestamp_ms: Date.now(),
    step: 0,
    incarnation,
    command_id: said("command_id"),
    type,
    name: knob,
    value,
    state,
    issuer: "dashboard",
    old_value: "",
    new_value: "",
    reason,
  };
}

const kAskMs = 500;
const kAskTimes = 240;

// The broker publishes no records of what it does to a history: it is asked until that has ended.
export async function followCommand(session: Session, issued: CommandEvent, heard: (event: CommandEvent) => void): Promise<void> {
  for (let asked = 0, event = issued; asked < kAskTimes && !isEnded(event.state); asked++) {
    await new Promise((done) => setTimeout(done, kAskMs));
    const answer = await fetch(`${session.base ?? ""}api/commands/${issued.command_id}`).then((response) => response.json(), () => null).catch(() => null);
    event = commandAfter(event, answer) ?? event;
    heard(event);
  }
}

// Why the broker refused it at once; empty when it did not.
function reasonIn(answer: unknown): string {
  const commands = (answer as { commands?: unknown } | null)?.commands;
  const first: unknown = Array.isArray(commands) ? commands[0] : null;
  const reason = (first as { reason?: unknown } | null)?.reason;
  return typeof reason === "string" ? reason : "";
}
