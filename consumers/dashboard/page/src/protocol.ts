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
import {
  trainerNumbers,
  trainerStates,
  type EventHead,
  type TrainerNumber,
  type NotFinite,
  type Trainer,
  type Plan,
  knobTypes,
  type Knob,
  type Points,
  type Curve,
  type Incarnation,
  commandTypes,
  commandPhases,
  type CommandEvent,
  type BusEvent,
  type Trouble,
  type ServerMessage,
} from "./model";

export * from "./model";

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const finite = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const present = <T,>(value: T | null): value is T => value !== null;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const objects = (value: unknown): Json[] => list(value).filter(isObject);

const hasId = (row: Json): row is Json & { id: number } => typeof row.id === "number";

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
    site: "",
    base: "",
    state,
    incarnation: integer(value.incarnation),
    status_message: text(value.status_message),
    model: text(value.model),
    dataset: text(value.dataset),
    sparkline: numbers(value.sparkline),
    not_finite: parseNotFinite(value.not_finite),
    newest: value.newest !== false,
    archived: value.archived === true,
    clock_skew_ms: finite(value.clock_skew_ms),
    columns: parseColumns(value),
    plan: "parameters" in value ? parsePlan(value) : null,
  };
}

function parseColumns(value: Json): Trainer["columns"] {
  const columns: Trainer["columns"] = {};
  for (const name in value) {
    if (name.startsWith("value:")) columns[name] = numeric(value[name]);
    else if (name.startsWith("parameter:")) columns[name] = typeof value[name] === "string" ? value[name] : null;
  }
  return columns;
}

function parseNotFinite(value: unknown): NotFinite | null {
  if (!isObject(value)) return null;
  return { name: text(value.name), step: finite(value.step) ?? 0, value: numeric(value.value) ?? NaN };
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
      return { ...head, kind: "alert", alert_id: text(value.alert_id), rule: text(value.rule), message: text(value.message), active: value.active === true };
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

// What GET api/commands/ID says of the command that `before` was; null: nothing that is known here.
export function commandAfter(before: CommandEvent, answer: unknown): CommandEvent | null {
  const said = isObject(answer) ? objects(answer.commands)[0] : undefined;
  return said ? parseCommand({ command_id: before.command_id, ...said }, before) : null;
}

function parseSeries(value: unknown): Map<string, Curve> {
  const series = new Map<string, Curve>();
  for (const [name, curve] of isObject(value) ? Object.entries(value) : []) {
    if (!isObject(curve)) continue;
    const points = parsePoints(curve.x, curve.y);
    series.set(name, { axis: curve.axis === "epoch" ? "epoch" : "step", total: finite(curve.total) ?? points.x.length, ...points });
  }
  return series;
}

export const parseIncarnations = (value: unknown): Incarnation[] => objects(value).map(parseIncarnation);
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
    case "bus":
      return {
        type: "bus",
        server_time_ms: finite(value.server_time_ms) ?? 0,
        broker_connected: value.broker_connected === true,
        caught_up: value.caught_up !== false,
        records_total: finite(value.records_total) ?? 0,
        rejected_total: finite(value.rejected_total) ?? 0,
        troubles: list(value.troubles).map(parseTrouble).filter(present),
      };
    case "list":
      return {
        type: "list",
        whole: value.whole === true,
        rows: objects(value.rows).filter(hasId),
        gone: numbers(value.gone),
      };
    case "history":
      return {
        type: "history",
        run: text(value.run),
        trainer: text(value.trainer),
        trainer_info: parseTrainer(value.trainer_info),
        series: parseSeries(value.series),
        names_left_out: finite(value.names_left_out) ?? 0,
        incarnations: parseIncarnations(value.incarnations),
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
      return {
        ...head,
        kind: "alert",
        alert_id: payload.value.alertId,
        rule: payload.value.rule,
        message: payload.value.message,
        active: payload.value.active,
      };
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
