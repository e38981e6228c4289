// The things that the server speaks of, as the page knows them; protocol.ts makes them of what it says.
export const trainerStates = [
  "WAITING", "ALIVE", "PAUSED", "STALLED", "DEAD", "COMPLETED", "STOPPED", "FAILED", "UNREACHABLE",
] as const;
export type TrainerState = (typeof trainerStates)[number];

export const endedStates: readonly TrainerState[] = ["COMPLETED", "STOPPED", "FAILED"];

// The curves that every trainer may have; named values have whatever names they were given.
const stepSeries = [
  "batch_loss", "batch_accuracy", "learning_rate", "time_per_batch_ms", "fps", "cpu_percent", "memory_mb",
  "gpu_percent", "gpu_memory_mb",
] as const;
const epochSeries = [
  "epoch_loss", "epoch_accuracy", "epoch_learning_rate", "validation_loss", "validation_accuracy",
] as const;
export type BuiltInSeries = (typeof stepSeries)[number] | (typeof epochSeries)[number];
export const builtInSeries: ReadonlySet<string> = new Set([...stepSeries, ...epochSeries]);
// Curves that say where the steps lie: Unix time, and the epoch that ended there.
const placing = ["timestamp_ms", "epoch_end"] as const;
export type PlacingSeries = (typeof placing)[number];
export const placingSeries: ReadonlySet<string> = new Set(placing);
export type Axis = "step" | "epoch";

// The curve of a named value, as the server calls it.
export const curveName = (name: string): string => (builtInSeries.has(name) || placingSeries.has(name) ? `scalars/${name}` : name);

export const trainerNumbers = [
  "epoch", "total_epochs", "batch", "batches_per_epoch", "step", "loss", "accuracy", "epoch_loss", "validation_loss",
  "validation_accuracy", "learning_rate", "batch_size", "fps", "average_fps", "time_per_batch_ms", "eta_sec",
  "cpu_percent", "memory_mb", "gpu_percent", "gpu_memory_mb", "silent_since_ms", "idle_since_ms",
] as const;
export type TrainerNumber = (typeof trainerNumbers)[number];

// A loss that was no finite number.
export interface NotFinite {
  name: string;
  step: number; // of its incarnation
  value: number;
}

// null: not said. NaN and infinity are what the training said. The last heartbeat and record are times of the server; 0:
// lately.
export type Trainer = Record<TrainerNumber, number | null> & {
  run: string;
  trainer: string;
  site: string; // "": there is one
  base: string; // of its site's address; "": of this page
  state: TrainerState;
  incarnation: bigint;
  status_message: string;
  model: string;
  dataset: string;
  sparkline: number[];
  not_finite: NotFinite | null; // the first of this incarnation
  newest: boolean; // of the incarnations of this name; an older one may be alive beside it
  archived: boolean;
  clock_skew_ms: number | null; // its clock against the broker's
  columns: Record<string, number | string | null>; // chosen ones: "value:NAME", "parameter:NAME"
  plan: Plan | null; // null: this message did not hold it
};

// What a run was started with, and what may be changed of it.
export interface Plan {
  parameters: [string, string][];
  tags: string[];
  notes: string;
  classNames: string[];
  knobs: Knob[];
}

export const knobTypes = ["action", "number", "integer", "choice", "switch"] as const;
export interface Knob {
  name: string;
  type: (typeof knobTypes)[number];
  unit: string;
  min: number | null;
  max: number | null;
  value: string; // in force; "" when not known
  choices: string[];
  help: string;
}

// y may be NaN or infinite.
export interface Points {
  x: number[];
  y: number[];
}
export interface Curve extends Points {
  axis: Axis;
  total: number; // points that there are; these may be thinned
}

// The step on the line of all incarnations is offset + the incarnation's own; begin is its first, null before that.
export interface Incarnation {
  incarnation: bigint;
  offset: number;
  begin: number | null;
}

export const commandTypes = [
  "PAUSE_TRAINING", "RESUME_TRAINING", "STOP_TRAINING", "ADJUST_BATCH_SIZE", "CHANGE_LEARNING_RATE",
  "SET_KNOB", "ARCHIVE_HISTORY", "RESTORE_HISTORY", "DELETE_HISTORY",
] as const;
export type CommandVerb = (typeof commandTypes)[number];
export const commandPhases = [
  "ISSUED", "ACCEPTED", "DELIVERED", "APPLIED", "REJECTED", "EXPIRED", "UNKNOWN",
] as const;
export type CommandPhase = (typeof commandPhases)[number];

export interface EventHead {
  run: string;
  trainer: string;
  timestamp_ms: number;
  step: number; // of its incarnation
  incarnation: bigint; // 0: not known
}
export interface StatusEvent extends EventHead {
  kind: "status";
  status: string;
  message: string;
}
export interface CommandEvent extends EventHead {
  kind: "command";
  command_id: string;
  type: CommandVerb;
  name: string; // of the knob that SET_KNOB sets
  value: string;
  state: CommandPhase;
  issuer: string;
  old_value: string;
  new_value: string;
  reason: string;
}
export interface AlertEvent extends EventHead {
  kind: "alert";
  alert_id: string; // "" in a history
  rule: string;
  message: string;
  active: boolean;
}
export type BusEvent = StatusEvent | CommandEvent | AlertEvent;

// What the broker or a log sink raised and has not ended.
export interface Trouble {
  program: string;
  rule: string;
  message: string;
  since_ms: number;
}

// What changed in the list of trainers since the one before; `whole`: there was none. A row has what changed of TRAINER.
export interface ListChanges {
  whole: boolean;
  rows: (Record<string, unknown> & { id: number })[];
  gone: number[]; // ids
}

export type ServerMessage =
  | { type: "hello"; version: string; broker: string; server_time_ms: number }
  | {
      type: "bus";
      server_time_ms: number;
      broker_connected: boolean;
      caught_up: boolean;
      records_total: number;
      rejected_total: number;
      troubles: Trouble[];
    }
  | ({ type: "list" } & ListChanges)
  | {
      type: "history";
      run: string;
      trainer: string;
      trainer_info: Trainer | null;
      series: Map<string, Curve>;
      names_left_out: number;
      incarnations: Incarnation[];
      events: BusEvent[];
    }
  | { type: "reset" | "media"; run: string; trainer: string }
  | { type: "bye"; reason: string };
