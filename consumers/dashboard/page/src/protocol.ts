// What the server says, checked. Text becomes a ServerMessage and bytes become a bus record, or null where they are
// neither: nothing past this file meets an unchecked field. ../README.md of the dashboard describes the messages.
import { fromBinary } from "@bufbuild/protobuf";
import {
  CommandState,
  CommandType,
  MetricsRequestSchema,
  TrainingStatus,
  type ControlCommand,
  type MetricsRequest,
} from "../generated/trainbus_pb";

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
export type Axis = "step" | "epoch";

// The curve of a named value, as the server calls it.
export const curveName = (name: string): string => (builtInSeries.has(name) ? `scalars/${name}` : name);

const trainerNumbers = [
  "epoch", "total_epochs", "batch", "batches_per_epoch", "step", "loss", "accuracy", "epoch_loss", "validation_loss",
  "validation_accuracy", "learning_rate", "batch_size", "fps", "average_fps", "time_per_batch_ms", "eta_sec",
  "cpu_percent", "memory_mb", "gpu_percent", "gpu_memory_mb", "heartbeat_age_ms", "last_record_age_ms",
] as const;
type TrainerNumber = (typeof trainerNumbers)[number];

// null: not said. NaN and infinity are what the training said.
export type Trainer = Record<TrainerNumber, number | null> & {
  run: string;
  trainer: string;
  state: TrainerState;
  incarnation: bigint;
  status_message: string;
  model: string;
  dataset: string;
  sparkline: number[];
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
}

// The step on the line of all incarnations is offset + the incarnation's own; begin is its first, null before that.
export interface Incarnation {
  incarnation: bigint;
  offset: number;
  begin: number | null;
}

export const commandTypes = [
  "PAUSE_TRAINING", "RESUME_TRAINING", "STOP_TRAINING", "ADJUST_BATCH_SIZE", "CHANGE_LEARNING_RATE",
  "SET_KNOB",
] as const;
export type CommandVerb = (typeof commandTypes)[number];
export const commandPhases = [
  "ISSUED", "ACCEPTED", "DELIVERED", "APPLIED", "REJECTED", "EXPIRED", "UNKNOWN",
] as const;
export type CommandPhase = (typeof commandPhases)[number];

interface EventHead {
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

export type ServerMessage =
  | { type: "hello"; version: string; broker: string; server_time_ms: number }
  | {
      type: "trainers";
      server_time_ms: number;
      broker_connected: boolean;
      caught_up: boolean;
      records_total: number;
      rejected_total: number;
      troubles: Trouble[];
      trainers: Trainer[];
    }
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

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const finite = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const present = <T,>(value: T | null): value is T => value !== null;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const objects = (value: unknown): Json[] => list(value).filter(isObject);

const notFinite: Record<string, number> = { NaN, Infinity, "-Infinity": -Infinity };

// A number, also one of the three that JSON has no number for; null for everything else.
export function numeric(value: unknown): number | null {
  if (typeof value === "string") return notFinite[value] ?? null;
  return finite(value);
}
const numbers = (value: unknown): number[] => list(value).map(numeric).filter(present);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);

function integer(value: unknown): bigint {
  if (typeof value === "string" && /^\d{1,20}$/.test(value)) return BigInt(value);
  return BigInt(Math.trunc(finite(value) ?? 0));
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | null {
  return allowed.includes(value as T) ? (value as T) : null;
}

function parseTrouble(value: unknown): Trouble | null {
  if (!isObject(value)) return null;
  return { program: text(value.program), rule: text(value.rule), message: text(value.message), since_ms: finite(value.since_ms) ?? 0 };
}

export function parseTrainer(value: unknown): Trainer | null {
  if (!isObject(value)) return null;
  const state = oneOf(trainerStates, value.state);
  const run = text(value.run);
  const trainer = text(value.trainer);
  if (!state || !run || !trainer) return null;
  const known = Object.fromEntries(trainerNumbers.map((name) => [name, numeric(value[name])]));
  return {
    ...(known as Record<TrainerNumber, number | null>),
    run,
    trainer,
    state,
    incarnation: integer(value.incarnation),
    status_message: text(value.status_message),
    model: text(value.model),
    dataset: text(value.dataset),
    sparkline: numbers(value.sparkline),
    plan: "parameters" in value ? parsePlan(value) : null,
  };
}

function parsePlan(value: Json): Plan {
  const parameters = isObject(value.parameters) ? Object.entries(value.parameters) : [];
  return {
    parameters: parameters.map(([name, said]): [string, string] => [name, text(said)]).sort(([a], [b]) => (a < b ? -1 : 1)),
    tags: texts(value.tags),
    notes: text(value.notes),
    classNames: texts(value.class_names),
    knobs: list(value.knobs).map(parseKnob).filter(present),
  };
}

function parseKnob(value: unknown): Knob | null {
  if (!isObject(value)) return null;
  const type = oneOf(knobTypes, text(value.type).toLowerCase());
  const name = text(value.name);
  if (!type || !name) return null;
  return {
    name,
    type,
    unit: text(value.unit),
    min: finite(value.min),
    max: finite(value.max),
    value: text(value.value),
    choices: texts(value.choices),
    help: text(value.help),
  };
}

// The plan that a status record holds; null when it holds none.
export function planOf({ payload }: MetricsRequest): Plan | null {
  const config = payload.case === "statusUpdate" ? payload.value.config : undefined;
  if (!config) return null;
  return {
    parameters: Object.entries(config.parameters).sort(([a], [b]) => (a < b ? -1 : 1)),
    tags: config.tags,
    notes: config.notes,
    classNames: config.classNames,
    knobs: config.knobs.map((knob) => ({
      name: knob.name,
      type: knobTypes[knob.type] ?? "action",
      unit: knob.unit,
      min: knob.min ?? null,
      max: knob.max ?? null,
      value: knob.value,
      choices: knob.choices,
      help: knob.help,
    })),
  };
}

// Points without an x, or whose y is no number of any kind, are left out; so are the tails of unequal arrays.
export function parsePoints(xs: unknown, ys: unknown): Points {
  const points: Points = { x: [], y: [] };
  if (!Array.isArray(xs) || !Array.isArray(ys)) return points;
  for (let i = 0; i < Math.min(xs.length, ys.length); i++) {
    const x = finite(xs[i]);
    const y = numeric(ys[i]);
    if (x === null || y === null) continue;
    points.x.push(x);
    points.y.push(y);
  }
  return points;
}

function parseEvent(value: unknown): BusEvent | null {
  if (!isObject(value)) return null;
  const head = {
    run: text(value.run),
    trainer: text(value.trainer),
    timestamp_ms: finite(value.timestamp_ms) ?? 0,
    step: finite(value.step) ?? finite(value.applied_step) ?? 0,
    incarnation: integer(value.incarnation),
  };
  switch (value.kind) {
    case "status":
      return { ...head, kind: "status", status: text(value.status), message: text(value.message) };
    case "alert":
      return { ...head, kind: "alert", rule: text(value.rule), message: text(value.message), active: value.active === true };
    case "command":
      return parseCommand(value, head);
    default:
      return null;
  }
}

function parseCommand(value: Json, head: EventHead): CommandEvent | null {
  const type = oneOf(commandTypes, value.type);
  const state = oneOf(commandPhases, value.state);
  if (!type || !state) return null;
  return {
    ...head,
    kind: "command",
    type,
    state,
    command_id: text(value.command_id),
    name: text(value.name),
    value: text(value.value),
    issuer: text(value.issuer),
    old_value: text(value.old_value),
    new_value: text(value.new_value),
    reason: text(value.reason),
  };
}

function parseSeries(value: unknown): Map<string, Curve> {
  const series = new Map<string, Curve>();
  for (const [name, curve] of isObject(value) ? Object.entries(value) : []) {
    if (!isObject(curve)) continue;
    series.set(name, { axis: curve.axis === "epoch" ? "epoch" : "step", ...parsePoints(curve.x, curve.y) });
  }
  return series;
}

const parseIncarnation = (value: Json): Incarnation => ({
  incarnation: integer(value.incarnation),
  offset: finite(value.offset) ?? 0,
  begin: finite(value.begin),
});

export function parseServerText(raw: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  switch (value.type) {
    case "hello":
      return {
        type: "hello",
        version: text(value.version),
        broker: text(value.broker),
        server_time_ms: finite(value.server_time_ms) ?? 0,
      };
    case "trainers":
      return {
        type: "trainers",
        server_time_ms: finite(value.server_time_ms) ?? 0,
        broker_connected: value.broker_connected === true,
        caught_up: value.caught_up !== false,
        records_total: finite(value.records_total) ?? 0,
        rejected_total: finite(value.rejected_total) ?? 0,
        troubles: list(value.troubles).map(parseTrouble).filter(present),
        trainers: list(value.trainers).map(parseTrainer).filter(present),
      };
    case "history":
      return {
        type: "history",
        run: text(value.run),
        trainer: text(value.trainer),
        trainer_info: parseTrainer(value.trainer_info),
        series: parseSeries(value.series),
        names_left_out: finite(value.names_left_out) ?? 0,
        incarnations: objects(value.incarnations).map(parseIncarnation),
        events: list(value.events).map(parseEvent).filter(present),
      };
    case "reset":
    case "media":
      return { type: value.type, run: text(value.run), trainer: text(value.trainer) };
    case "bye":
      return { type: "bye", reason: text(value.reason) };
    default:
      return null;
  }
}

export function parseRecord(bytes: Uint8Array): MetricsRequest | null {
  try {
    const record = fromBinary(MetricsRequestSchema, bytes);
    return record.payload.case ? record : null;
  } catch {
    return null;
  }
}

// The event that a status, command or alert record is; null for the other kinds.
export function eventOf(record: MetricsRequest): BusEvent | null {
  const [run = "", trainer = ""] = record.sessionId.split("/");
  const head = { run, trainer, timestamp_ms: Number(record.timestampMs), step: 0, incarnation: record.incarnation };
  const { payload } = record;
  switch (payload.case) {
    case "statusUpdate":
      return {
        ...head,
        kind: "status",
        step: Number(payload.value.step),
        status: TrainingStatus[payload.value.status] ?? "UNKNOWN",
        message: payload.value.message,
      };
    case "alert":
      return { ...head, kind: "alert", rule: payload.value.rule, message: payload.value.message, active: payload.value.active };
    case "command":
      return commandEvent(payload.value, head);
    default:
      return null;
  }
}

function commandEvent(command: ControlCommand, head: EventHead): CommandEvent | null {
  const type = oneOf(commandTypes, CommandType[command.type]);
  const state = oneOf(commandPhases, CommandState[command.state]?.replace("COMMAND_", ""));
  if (!type || !state) return null;
  return {
    ...head,
    kind: "command",
    type,
    state,
    step: Number(command.appliedStep),
    incarnation: command.expectedIncarnation,
    command_id: command.commandId,
    name: command.parameters.name ?? "",
    value: command.parameters.value ?? "",
    issuer: command.issuer,
    old_value: command.oldValue,
    new_value: command.newValue,
    reason: command.reason,
  };
}
