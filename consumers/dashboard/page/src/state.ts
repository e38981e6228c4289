// Everything the page knows, and how each message changes it. The state is mutable and owned by main.tsx; the views only
// read it. No clock, no socket and no document in here.
import { ServerClock } from "./clock";
import { applyAlert, type Alerts } from "./alerts";
import { isEnded, type Command } from "./command";
import type { MediaList } from "./media_api";
import {
  curveName,
  eventOf,
  planOf,
  type Axis,
  type BuiltInSeries,
  type BusEvent,
  type CommandEvent,
  type Incarnation,
  type PlacingSeries,
  type Plan,
  type ServerMessage,
  type Trainer,
  type Trouble,
} from "./protocol";
import type { BatchData, MetricsRequest } from "../generated/trainbus_pb";
import { sessionId, type Route, type Session } from "./route";
import { Series } from "./series";
import { TrainerRows } from "./trainer_rows";
import { Confusion } from "./tiles/confusion";

const kMaxEvents = 400;
const kMaxCommands = 200;
const kTimedEveryMs = 1000; // as the server does
const kMaxCurves = 2100; // what the server keeps of one trainer, and a little more

export interface Watched extends Session {
  phase: "loading" | "live";
  incarnations: Incarnation[]; // oldest first; records of the last one are added to the curves
  series: Map<string, Series>;
  namesLeftOut: number;
  plan: Plan | null;
  media: MediaList | null;
  confusion: Confusion; // of the predictions that came while this is watched
  predictionsInRecords: boolean; // else those of the tiles count
  events: BusEvent[]; // newest first
  info: Trainer | null; // as of the history; the list is newer
}

export interface State {
  link: "connecting" | "open" | "lost";
  lostAt: number; // local ms
  byeReason: string;
  clock: ServerClock;
  version: string;
  broker: string;
  brokerConnected: boolean;
  caughtUp: boolean;
  recordsTotal: number;
  rejectedTotal: number;
  troubles: Trouble[];
  listed: boolean; // the list has arrived
  rows: TrainerRows;
  trainers: ReadonlyMap<string, Trainer>; // of the rows, and of other sites
  route: Route;
  watched: Watched | null;
  commands: Map<string, Command>; // by command id, oldest first
  alerts: Alerts;
}

export function newState(route: Route): State {
  return {
    link: "connecting",
    lostAt: 0,
    byeReason: "",
    clock: new ServerClock(),
    version: "",
    broker: "",
    brokerConnected: true,
    caughtUp: false,
    recordsTotal: 0,
    rejectedTotal: 0,
    troubles: [],
    listed: false,
    rows: new TrainerRows(),
    trainers: new Map(),
    route,
    watched: null,
    commands: new Map(),
    alerts: new Map(),
  };
}

export function newWatched(session: Session): Watched {
  return {
    run: session.run,
    trainer: session.trainer,
    phase: "loading",
    incarnations: [],
    series: new Map(),
    namesLeftOut: 0,
    plan: null,
    media: null,
    confusion: new Confusion(),
    predictionsInRecords: false,
    events: [],
    info: null,
  };
}

const noSeries = new Series();
// The curve of this name; an empty one when nobody said it.
export const curveOf = (watched: Watched, name: BuiltInSeries | (string & {})): Series => watched.series.get(name) ?? noSeries;

// Where a step of an incarnation lies on the curves.
export const offsetOf = ({ incarnations }: Watched, incarnation: bigint): number =>
  (incarnations.find((one) => one.incarnation === incarnation) ?? incarnations.at(-1))?.offset ?? 0;

// The step of a trainer on the line of all its incarnations.
export const lineStep = ({ incarnations }: Watched, { step }: Trainer): number => (incarnations.at(-1)?.offset ?? 0) + (step ?? 0);

const isWatched = (watched: Watched | null, session: Session): watched is Watched =>
  watched !== null && watched.run === session.run && watched.trainer === session.trainer;

// True when the page must ask `watch` again (news of media are for who holds the socket).
export function applyMessage(state: State, message: ServerMessage, now: number): boolean {
  switch (message.type) {
    case "hello":
      state.clock.heard(message.server_time_ms, now);
      state.version = message.version;
      state.broker = message.broker;
      state.byeReason = "";
      return false;
    case "bus":
      state.clock.heard(message.server_time_ms, now);
      state.brokerConnected = message.broker_connected;
      state.caughtUp = message.caught_up;
      state.recordsTotal = message.records_total;
      state.rejectedTotal = message.rejected_total;
      state.troubles = message.troubles;
      return false;
    case "list":
      state.listed = true;
      state.rows.take(message);
      state.trainers = state.rows.trainers;
      return false;
    case "history":
      if (isWatched(state.watched, message)) applyHistory(state, state.watched, message, now);
      return false;
    case "reset":
      return isWatched(state.watched, message);
    case "media":
      return false;
    case "bye":
      state.byeReason = message.reason;
      return false;
  }
}

function applyHistory(state: State, watched: Watched, message: ServerMessage & { type: "history" }, now: number): void {
  watched.series.clear();
  for (const [name, curve] of message.series) seriesOf(watched, name, curve.axis)?.replace(curve, curve.total);
  watched.namesLeftOut = message.names_left_out;
  watched.incarnations = message.incarnations;
  watched.plan = message.trainer_info?.plan ?? null;
  watched.events = [...message.events].sort((a, b) => b.timestamp_ms - a.timestamp_ms).slice(0, kMaxEvents);
  watched.info = message.trainer_info;
  watched.phase = "live";
  // What ended before this page came is history, not news.
  for (const event of message.events) {
    if (event.kind === "command") applyCommand(state, event, Math.min(now, event.timestamp_ms - state.clock.offset));
  }
}

export function applyRecord(state: State, record: MetricsRequest, now: number): void {
  const event = eventOf(record);
  if (event?.kind === "command") applyCommand(state, event, now);
  if (event?.kind === "alert") applyAlert(state.alerts, event);
  const watched = state.watched;
  if (!watched || watched.phase !== "live" || record.sessionId !== sessionId(watched)) return;
  if (event) {
    watched.events.unshift(event);
    watched.events.length = Math.min(watched.events.length, kMaxEvents);
  }
  if (event?.kind === "command") applyKnob(watched, event);
  // The first incarnation needs no word of the server. A later one moves the curves: then it sends `reset`.
  if (watched.incarnations.length === 0 && record.incarnation > 0n && !event) {
    watched.incarnations = [{ incarnation: record.incarnation, offset: 0, begin: null }];
  }
  const place = watched.incarnations.at(-1);
  if (place && place.incarnation !== record.incarnation) return;
  watched.plan = planOf(record) ?? watched.plan;
  const placed = place && (place.begin !== null || watched.incarnations.length === 1);
  if (placed) applyPoints(watched, place.offset, record);
}

// What an applied command set is in force now.
function applyKnob({ plan }: Watched, { state, type, name, new_value }: CommandEvent): void {
  if (state !== "APPLIED" || new_value === "") return;
  const set = { CHANGE_LEARNING_RATE: "learning_rate", ADJUST_BATCH_SIZE: "batch_size", SET_KNOB: name }[type as string];
  const knob = plan?.knobs.find((one) => one.name === set);
  if (knob && knob.type !== "action") knob.value = new_value;
}

function seriesOf({ series }: Watched, name: string, axis: Axis): Series | null {
  const known = series.get(name);
  if (known) return known;
  if (series.size >= kMaxCurves) return null;
  const made = new Series(axis);
  series.set(name, made);
  return made;
}

function applyPoints(watched: Watched, offset: number, record: MetricsRequest): void {
  const { payload } = record;
  const timed = (x: number) => {
    const times = seriesOf(watched, "timestamp_ms", "step");
    const at = Number(record.timestampMs);
    if (times && at >= (times.last ?? 0) + kTimedEveryMs) times.append(x, at);
  };
  const add = (name: BuiltInSeries | PlacingSeries, axis: Axis, x: number, y: number | undefined) => {
    if (y !== undefined) seriesOf(watched, name, axis)?.append(x, y);
  };
  const addNamed = (values: Record<string, number>, x: number) => {
    for (const [name, value] of Object.entries(values)) seriesOf(watched, curveName(name), "step")?.append(x, value);
  };
  switch (payload.case) {
    case "batchData": {
      const { step, batchLoss, batchAccuracy, learningRate, images, scalars } = payload.value;
      if (images.length > 0) return;
      const x = offset + Number(step);
      add("batch_loss", "step", x, batchLoss);
      add("batch_accuracy", "step", x, batchAccuracy);
      add("learning_rate", "step", x, learningRate);
      timed(x);
      takePredictions(watched, payload.value);
      return addNamed(scalars, x);
    }
    case "epochData": {
      const { step, epoch, averageLoss, averageAccuracy, learningRate, validationLoss, validationAccuracy, scalars } = payload.value;
      add("epoch_loss", "epoch", epoch, averageLoss);
      add("epoch_accuracy", "epoch", epoch, averageAccuracy);
      add("epoch_learning_rate", "epoch", epoch, learningRate);
      add("validation_loss", "epoch", epoch, validationLoss);
      add("validation_accuracy", "epoch", epoch, validationAccuracy);
      if (step > 0n) add("epoch_end", "step", offset + Number(step), epoch);
      return addNamed(scalars, offset + Number(step));
    }
    case "performanceData": {
      const { step, timePerBatchMs, currentFps, resourceUsage } = payload.value;
      const x = offset + Number(step);
      add("time_per_batch_ms", "step", x, timePerBatchMs);
      add("fps", "step", x, currentFps);
      add("cpu_percent", "step", x, resourceUsage?.cpuPercent);
      add("memory_mb", "step", x, resourceUsage?.memoryMb);
      add("gpu_percent", "step", x, resourceUsage?.gpuPercent);
      add("gpu_memory_mb", "step", x, resourceUsage?.gpuMemoryMb);
      return;
    }
    case "scalarData":
      timed(offset + Number(payload.value.step));
      return addNamed(payload.value.values, offset + Number(payload.value.step));
    default:
      return;
  }
}

function takePredictions(watched: Watched, { predictions, groundTruth }: BatchData): void {
  predictions.forEach(({ predictedClass }, i) => {
    if (groundTruth[i] !== undefined) watched.confusion.take(groundTruth[i], predictedClass);
  });
  if (predictions.length > 0) watched.predictionsInRecords = true;
}

// A command's states only move forward: a repeated or late record of an earlier state changes nothing.
export function applyCommand(state: State, event: CommandEvent, at: number): void {
  const known = state.commands.get(event.command_id);
  if (known && (isEnded(known.state) || rank(known.state) >= rank(event.state))) return;
  const endedAt = isEnded(event.state) ? at : 0;
  state.commands.set(event.command_id, { ...event, value: event.value || known?.value || "", endedAt });
  for (const id of state.commands.keys()) {
    if (state.commands.size <= kMaxCommands) break;
    state.commands.delete(id);
  }
}

const rank = (phase: CommandEvent["state"]): number => ["ISSUED", "ACCEPTED", "DELIVERED"].indexOf(phase) + 1 || 4;
