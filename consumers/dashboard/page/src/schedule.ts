// The edits of a training as a text, in the format of trainbus/schedule.hpp, which trainbus-ctl writes and trainbus-train
// replays: taken from one training, changed by hand, and played on another.
import { commandTitle, valueProblem } from "./command";
import type { BusEvent, CommandVerb } from "./model";
import type { Watched } from "./state";

export interface Edit {
  step: number; // batches finished before it, of the incarnation
  type: CommandVerb;
  name: string; // of the knob that SET_KNOB sets
  oldValue: string; // for people; "": not said
  value: string; // "": none
}

const verbs: Partial<Record<CommandVerb, string>> = {
  CHANGE_LEARNING_RATE: "set-lr",
  ADJUST_BATCH_SIZE: "set-batch-size",
  SET_KNOB: "set",
  PAUSE_TRAINING: "pause",
  RESUME_TRAINING: "resume",
  STOP_TRAINING: "stop",
};
const takesValue = (type: CommandVerb): boolean => type === "CHANGE_LEARNING_RATE" || type === "ADJUST_BATCH_SIZE";
const isWord = (text: string): boolean => /^[^\s#]+$/.test(text);

export function editText({ step, type, name, oldValue, value }: Edit): string {
  const change = value && (oldValue ? `${oldValue} -> ${value}` : value);
  return [step, verbs[type], name, change].filter((part) => part !== "").join("  ");
}
export const scheduleText = (edits: readonly Edit[]): string => edits.map((edit) => `${editText(edit)}\n`).join("");
export const editTitle = (edit: Edit): string => `${commandTitle(edit)}${edit.value && ` ${edit.value}`}`;

// What was applied to this incarnation, in the order of the steps.
export function editsOf({ events }: Watched, incarnation: bigint): Edit[] {
  const edits = events.flatMap((event) => (event.incarnation === incarnation ? editOf(event) : []));
  return edits.reverse().sort((a, b) => a.step - b.step);
}

function editOf(event: BusEvent): Edit[] {
  if (event.kind !== "command" || event.state !== "APPLIED" || !verbs[event.type]) return [];
  const { step, type, name, value, old_value, new_value } = event;
  const valued = takesValue(type) || (type === "SET_KNOB" && value !== "");
  const edit: Edit = { step, type, name, oldValue: valued && isWord(old_value) ? old_value : "", value: valued ? new_value || value : "" };
  return edit.value === "" || isWord(edit.value) ? [edit] : [];
}

export interface Schedule {
  edits: Edit[];
  problems: string[]; // a line each
}

export function parseSchedule(text: string): Schedule {
  const schedule: Schedule = { edits: [], problems: [] };
  text.split("\n").forEach((line, i) => {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") return;
    const edit = editIn(words);
    const before = schedule.edits.at(-1)?.step ?? 0;
    const problem = typeof edit === "string" ? edit : edit.step < before ? `step ${edit.step} is below the ${before} of the line before` : "";
    if (problem) schedule.problems.push(`line ${i + 1}: ${problem}`);
    else schedule.edits.push(edit as Edit);
  });
  return schedule;
}

// The edit, or what is wrong with the line.
function editIn([stepWord = "", verb = "", ...rest]: string[]): Edit | string {
  const step = /^\d{1,15}$/.test(stepWord) ? Number(stepWord) : -1;
  if (step < 0) return `'${stepWord}' is not a step: a whole number from 0`;
  if (verb === "") return `nothing to do at step ${step}`;
  const type = (Object.keys(verbs) as CommandVerb[]).find((one) => verbs[one] === verb);
  if (!type) return `'${verb}' is none of ${Object.values(verbs).join(", ")}`;
  const name = type === "SET_KNOB" ? (rest.shift() ?? "") : "";
  if (type === "SET_KNOB" && name === "") return "set needs the name of a knob";
  const oldValue = rest.length > 2 && rest[1] === "->" ? rest.splice(0, 2)[0]! : "";
  const value = takesValue(type) || type === "SET_KNOB" ? (rest.shift() ?? "") : "";
  if (rest.length > 0) return `'${rest[0]}' is more than ${verb} takes`;
  return valueProblem(type, value) || { step, type, name, oldValue, value };
}

export interface Playing {
  edits: readonly Edit[];
  next: number; // of the edits: the first that has not been sent
  skipped: number; // they lay behind the trainer when it began
  problem: string; // why it stopped early
}

// Edits of before the step at which it begins are not made up for: their time is over.
export function beginPlaying(edits: readonly Edit[], step: number): Playing {
  const skipped = edits.filter((edit) => edit.step < step).length;
  return { edits, next: skipped, skipped, problem: "" };
}

export const isOver = ({ edits, next, problem }: Playing): boolean => problem !== "" || next >= edits.length;
// Whose step has come.
export const dueEdit = (playing: Playing, step: number): Edit | null => {
  const edit = isOver(playing) ? undefined : playing.edits[playing.next];
  return edit && edit.step <= step ? edit : null;
};

// Plays schedules while the page is open, one of a trainer; each edit is sent when the one before was taken.
export class SchedulePlayer {
  private readonly playing = new Map<string, Playing>(); // by session
  private readonly sending = new Set<string>();

  of = (session: string): Playing | null => this.playing.get(session) ?? null;
  play(session: string, edits: readonly Edit[], step: number): void {
    this.playing.set(session, beginPlaying(edits, step));
  }
  stop(session: string): void {
    this.playing.delete(session);
  }
  get sessions(): string[] {
    return [...this.playing.keys()];
  }

  // Where the trainer is now; `send` rejects with one line where the edit is refused.
  async reached(session: string, step: number, send: (edit: Edit) => Promise<unknown>): Promise<void> {
    const playing = this.playing.get(session);
    const edit = playing && dueEdit(playing, step);
    if (!playing || !edit || this.sending.has(session)) return;
    this.sending.add(session);
    try {
      await send(edit);
      playing.next++;
    } catch (error) {
      playing.problem = `${editTitle(edit)} at step ${edit.step}: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      this.sending.delete(session);
    }
  }
}
