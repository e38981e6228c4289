// What happened to the watched trainer, as marks on its charts: over steps.
import { ruleWords } from "./alerts";
import { knobTitle } from "./command";
import type { BusEvent, CommandVerb } from "./protocol";
import { offsetOf, type Watched } from "./state";
import type { Timeline, XMode } from "./timeline";
import type { Marker } from "./charts/marker_layout";

const shortName: Partial<Record<CommandVerb, string>> = {
  PAUSE_TRAINING: "pause",
  RESUME_TRAINING: "resume",
  STOP_TRAINING: "stop",
  ADJUST_BATCH_SIZE: "batch",
  CHANGE_LEARNING_RATE: "lr",
};

const resumed = ({ incarnations }: Watched): Marker[] =>
  incarnations.slice(1).flatMap(({ begin }) => (begin === null || begin <= 1 ? [] : [{ x: begin, label: "resumed", kind: "resumed" as const }]));

export const markersOf = (watched: Watched, timeline: Timeline): Marker[] =>
  [...resumed(watched), ...watched.events.flatMap((event) => markerOf(watched, event, timeline))];

function markerOf(watched: Watched, event: BusEvent, timeline: Timeline): Marker[] {
  // An alert has a time only.
  if (event.kind === "alert" && event.active && timeline.can("time")) {
    const x = Math.round(timeline.toStep("time", event.timestamp_ms / 1000));
    return x > 0 ? [{ x, label: ruleWords(event.rule), kind: "alert" }] : [];
  }
  if (event.kind !== "command" || event.state !== "APPLIED" || event.step <= 0) return [];
  const name = event.type === "SET_KNOB" ? knobTitle(event.name) : (shortName[event.type] ?? event.type);
  const change = event.old_value ? ` ${event.old_value} → ${event.new_value}` : ` ${event.new_value}`;
  const label = `${name}${event.value && event.new_value ? change : ""}`;
  return [{ x: offsetOf(watched, event.incarnation) + event.step, label, kind: "edit" }];
}

export const placedMarkers = (markers: readonly Marker[], timeline: Timeline, mode: XMode): Marker[] =>
  mode === "step" ? [...markers] : markers.map((marker) => ({ ...marker, x: timeline.fromStep(mode, marker.x) }));
