// Everything the page knows, and how each message changes it. The state is mutable and owned by main.tsx; the views only
// read it. No clock, no socket and no document in here.
import { ServerClock } from "./clock";
import { isEnded, type Command } from "./command";
import {
  eventOf,
  seriesNames,
  type BusEvent,
  type CommandEvent,
  type SeriesName,
  type ServerMessage,
  type Trainer,
  type Trouble,
} from "./protocol";
import type { MetricsRequest } from "../generated/trainbus_pb";
import { sessionId, type Route, type Session } from "./route";
import { Series } from "./series";

const kMaxEvents = 400;
const kMaxCommands = 200;

export interface Watched extends Session {
  phase: "loading" | "live";
  incarnation: bigint;
  series: Record<SeriesName, Series>;
  events: BusEvent[]; // newest first
  info: Trainer | null; // as of the history; the trainers list is newer
}

export interface State {
  link: "connecting" | "open" | "lost";
  lostAt: number; // local ms
  heardAt: number; // local ms of the last trainers list
  byeReason: string;
  clock: ServerClock;
  version: string;
  broker: string;
  brokerConnected: boolean;
  caughtUp: boolean;
  recordsTotal: number;
  rejectedTotal: number;
  troubles: Trouble[];
  listed: boolean; // a trainers list has arrived
  trainers: Map<string, Trainer>;
  route: Route;
  watched: Watched | null;
  commands: Map<string, Command>; // by command id, oldest first
}

export function newState(route: Route): State {
  return {
    link: "connecting",
    lostAt: 0,
    heardAt: 0,
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
    trainers: new Map(),
    route,
    watched: null,
    commands: new Map(),
  };
}

export function newWatched(session: Session): Watched {
  const series = Object.fromEntries(seriesNames.map((name) => [name, new Series()]));
  return {
    run: session.run,
    trainer: session.trainer,
    phase: "loading",
    incarnation: 0n,
    series: series as Record<SeriesName, Series>,
    events: [],
    info: null,
  };
}

const isWatched = (watched: Watched | null, session: Session): watched is Watched =>
  watched !== null && watched.run === session.run && watched.trainer === session.trainer;

// True when the page must ask `watch` again.
export function applyMessage(state: State, message: ServerMessage, now: number): boolean {
  switch (message.type) {
    case "hello":
      state.clock.heard(message.server_time_ms, now);
      state.version = message.version;
      state.broker = message.broker;
      state.byeReason = "";
      return false;
    case "trainers":
      state.clock.heard(message.server_time_ms, now);
      state.heardAt = now;
      state.listed = true;
      state.brokerConnected = message.broker_connected;
      state.caughtUp = message.caught_up;
      state.recordsTotal = message.records_total;
      state.rejectedTotal = message.rejected_total;
      state.troubles = message.troubles;
      state.trainers = new Map(message.trainers.map((trainer) => [sessionId(trainer), trainer]));
      return false;
    case "history":
      if (isWatched(state.watched, message)) applyHistory(state, state.watched, message, now);
      return false;
    case "reset":
      return isWatched(state.watched, message);
    case "bye":
      state.byeReason = message.reason;
      return false;
  }
}

function applyHistory(state: State, watched: Watched, message: ServerMessage & { type: "history" }, now: number): void {
  for (const name of seriesNames) watched.series[name].replace(message.series[name] ?? { x: [], y: [] });
  watched.events = [...message.events].sort((a, b) => b.timestamp_ms - a.timestamp_ms).slice(0, kMaxEvents);
  watched.info = message.trainer_info;
  watched.incarnation = message.trainer_info?.incarnation ?? 0n;
  watched.phase = "live";
  // What ended before this page came is history, not news.
  for (const event of message.events) {
    if (event.kind === "command") applyCommand(state, event, Math.min(now, event.timestamp_ms - state.clock.offset));
  }
}

export function applyRecord(state: State, record: MetricsRequest, now: number): void {
  const event = eventOf(record);
  if (event?.kind === "command") applyCommand(state, event, now);
  const watched = state.watched;
  if (!watched || watched.phase !== "live" || record.sessionId !== sessionId(watched)) return;
  if (event) {
    watched.events.unshift(event);
    watched.events.length = Math.min(watched.events.length, kMaxEvents);
  }
  // An older life's record that comes late changes no curve.
  if (record.incarnation < watched.incarnation) return;
  watched.incarnation = record.incarnation;
  applyPoints(watched, record);
}

function applyPoints({ series }: Watched, { payload }: MetricsRequest): void {
  switch (payload.case) {
    case "batchData": {
      const { step, batchLoss, batchAccuracy, learningRate, images } = payload.value;
      if (images.length > 0) return;
      series.batch_loss.append(Number(step), batchLoss);
      series.batch_accuracy.append(Number(step), batchAccuracy);
      if (learningRate > 0) series.learning_rate.append(Number(step), learningRate);
      return;
    }
    case "epochData": {
      const { epoch, averageLoss, averageAccuracy, learningRate, validationLoss, validationAccuracy } = payload.value;
      series.epoch_loss.append(epoch, averageLoss);
      series.epoch_accuracy.append(epoch, averageAccuracy);
      series.epoch_learning_rate.append(epoch, learningRate);
      if (validationLoss !== undefined) series.validation_loss.append(epoch, validationLoss);
      if (validationAccuracy !== undefined) series.validation_accuracy.append(epoch, validationAccuracy);
      return;
    }
    case "performanceData": {
      const { step, timePerBatchMs, currentFps, resourceUsage } = payload.value;
      series.time_per_batch_ms.append(Number(step), timePerBatchMs);
      series.fps.append(Number(step), currentFps);
      if (!resourceUsage) return;
      series.cpu_percent.append(Number(step), resourceUsage.cpuPercent);
      series.memory_mb.append(Number(step), resourceUsage.memoryMb);
      if (resourceUsage.gpuPercent > 0 || resourceUsage.gpuMemoryMb > 0) {
        series.gpu_percent.append(Number(step), resourceUsage.gpuPercent);
        series.gpu_memory_mb.append(Number(step), resourceUsage.gpuMemoryMb);
      }
      return;
    }
    default:
      return;
  }
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
