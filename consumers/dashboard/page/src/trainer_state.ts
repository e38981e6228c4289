// The state that a trainer is shown in: what the list says, and what a command is about to make of it or has just made,
// which the list says half a second later.
import { isEnded, type Command } from "./command";
import { endedStates, type CommandVerb, type Trainer, type TrainerState } from "./protocol";
import { siteKey, type Session } from "./route";

export type ShownState = TrainerState | "PAUSING" | "RESUMING" | "STOPPING";

const kAheadMs = 3000; // so long an applied command knows better than the list

const verbs: Partial<Record<CommandVerb, { under: ShownState; done: TrainerState | null }>> = {
  PAUSE_TRAINING: { under: "PAUSING", done: "PAUSED" },
  RESUME_TRAINING: { under: "RESUMING", done: "ALIVE" },
  STOP_TRAINING: { under: "STOPPING", done: null }, // the training itself says when it has ended
};

export function shownState(trainer: Trainer, commands: Iterable<Command>, now: number): ShownState {
  if (endedStates.includes(trainer.state) || trainer.state === "DEAD") return trainer.state;
  const last = newestOf(trainer, commands);
  const effect = last && verbs[last.type];
  if (!last || !effect) return trainer.state;
  if (!isEnded(last.state)) return effect.under;
  if (last.state !== "APPLIED" || now - last.endedAt > kAheadMs) return trainer.state;
  return effect.done ?? effect.under;
}

function newestOf({ run, trainer, incarnation }: Trainer, commands: Iterable<Command>): Command | null {
  let newest: Command | null = null;
  for (const command of commands) if (command.run === run && command.trainer === trainer && verbs[command.type] && [0n, incarnation].includes(command.incarnation)) newest = command;
  return newest;
}

// Why nobody can ask this trainer for anything now; empty when one can.
export function noControl(trainer: Trainer, link: string, brokerConnected: boolean): string {
  if (link !== "open") return "no control: this page has no connection to its dashboard";
  if (!brokerConnected || trainer.state === "UNREACHABLE") return "no control: the broker is away";
  if (trainer.state === "DEAD") return "no control: the trainer is dead";
  if (endedStates.includes(trainer.state)) return `no control: the trainer is ${trainer.state}`;
  return "";
}

export const kLatelyMs = 2000;
// How long ago that was, of a time that is 0 while it was lately; null: never.
export const ageOf = (since: number | null, serverNow: number): number | null => since && Math.max(0, serverNow - since);

// What tells it from every other in the list: its name, unless it is an older incarnation that is still there.
export const trainerKey = (trainer: Trainer): string =>
  siteKey(trainer) + (trainer.newest ? "" : `@${shortIncarnation(trainer.incarnation)}`);

// All that are alive under the name of this one, the newest first.
export const namesakes = ({ run, trainer, base = "" }: Session, trainers: Iterable<Trainer>): Trainer[] =>
  [...trainers].filter((one) => one.run === run && one.trainer === trainer && one.base === base).sort((a, b) => Number(b.newest) - Number(a.newest));

// The five digits that people tell incarnations apart by.
export const shortIncarnation = (incarnation: bigint): string => (incarnation & 0xfffffn).toString(16).padStart(5, "0");
