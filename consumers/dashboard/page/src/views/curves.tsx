// The charts of one trainer.
import { useState } from "preact/hooks";
import { Chart, type Line } from "../charts/chart";
import type { Marker } from "../charts/markers";
import { knobTitle } from "../command";
import { loss, mebibytes, number, percent, rate } from "../format";
import type { Page } from "../page";
import type { Axis, BuiltInSeries, BusEvent, Points } from "../protocol";
import { smoothed } from "../series";
import { curveOf, offsetOf, type Watched } from "../state";

const kMaxDots = 40; // more would hide the line
const kTrendFraction = 40; // the trend looks back over about this part of what is on screen

type Format = (value: number | null) => string;
const wholePercent: Format = (value) => (value === null ? "–" : `${number(value * 100, 3)} %`);
const whole = (value: number | null): string => (value === null ? "–" : `${Math.round(value)} %`);
const milliseconds = (value: number | null): string => (value === null ? "–" : `${number(value, 3)} ms`);

export function Curves({ page, watched }: { page: Page; watched: Watched }) {
  const [log, setLog] = useState(false);
  const points = (name: BuiltInSeries): Points => {
    const series = curveOf(watched, name);
    return page.zoom[series.axis]?.points.get(name) ?? series;
  };
  const said = (...names: BuiltInSeries[]) => names.some((name) => curveOf(watched, name).length > 0);
  const chart = (axis: Axis) => ({
    xName: axis,
    theme: page.theme,
    range: page.zoom[axis],
    onZoom: (range: { min: number; max: number } | null) => page.setZoom(axis, range),
  });
  const epoch = (label: string, colour: string, name: BuiltInSeries, format: Format, axisFormat: Format): Line => ({
    label,
    colour,
    points: points(name),
    dots: points(name).x.length <= kMaxDots,
    dashed: label === "validation",
    format,
    axisFormat,
  });
  const batchLoss = points("batch_loss");
  const trend = { x: batchLoss.x, y: smoothed(batchLoss.y, batchLoss.y.length / kTrendFraction) };
  if (watched.series.size === 0) return <p class="panel placeholder">No values have arrived yet.</p>;
  return (
    <div class="curves">
      {said("batch_loss") && (
        <div class="wide">
          <Chart
            {...chart("step")}
            title="Loss per batch"
            testId="loss-chart"
            height={260}
            log={log}
            markers={markersOf(watched)}
            lines={[
              { label: "batch", colour: "train", points: batchLoss, faint: true, format: loss, axisFormat: number },
              { label: "trend", colour: "train", points: trend, format: loss, axisFormat: number },
            ]}
          />
          <button class="small log" aria-pressed={log} onClick={() => setLog(!log)}>
            log
          </button>
        </div>
      )}
      {said("epoch_loss", "validation_loss") && (
        <Chart
          {...chart("epoch")}
          title="Loss per epoch"
          testId="epoch-loss-chart"
          height={180}
          lines={spoken([epoch("training", "train", "epoch_loss", loss, number), epoch("validation", "validation", "validation_loss", loss, number)])}
        />
      )}
      {said("epoch_accuracy", "validation_accuracy") && (
        <Chart
          {...chart("epoch")}
          title="Accuracy per epoch"
          testId="epoch-accuracy-chart"
          height={180}
          lines={spoken([
            epoch("training", "train", "epoch_accuracy", percent, wholePercent),
            epoch("validation", "validation", "validation_accuracy", percent, wholePercent),
          ])}
        />
      )}
      {said("batch_accuracy") && !said("epoch_accuracy") && (
        <Chart
          {...chart("step")}
          title="Accuracy per batch"
          testId="accuracy-chart"
          height={180}
          lines={[{ label: "batch", colour: "train", points: points("batch_accuracy"), format: percent, axisFormat: wholePercent }]}
        />
      )}
      {said("learning_rate") && (
        <Chart
          {...chart("step")}
          title="Learning rate"
          testId="lr-chart"
          height={150}
          fromZero
          lines={[{ label: "rate", colour: "accent", points: points("learning_rate"), stepped: true }]}
        />
      )}
      {said("time_per_batch_ms") && (
        <Chart
          {...chart("step")}
          title="Time per batch"
          testId="perf-chart"
          height={150}
          fromZero
          lines={[{ label: "time", colour: "perf", points: points("time_per_batch_ms"), format: milliseconds }]}
        />
      )}
      {said("cpu_percent", "memory_mb") && (
        <Chart
          {...chart("step")}
          title="CPU and memory"
          testId="cpu-chart"
          height={150}
          fromZero
          lines={spoken([
            { label: "CPU", colour: "train", points: points("cpu_percent"), format: whole },
            { label: "memory", colour: "validation", points: points("memory_mb"), dashed: true, scale: "right", format: mebibytes },
          ])}
        />
      )}
      {said("gpu_percent", "gpu_memory_mb") && (
        <Chart
          {...chart("step")}
          title="GPU"
          testId="gpu-chart"
          height={150}
          fromZero
          lines={spoken([
            { label: "GPU", colour: "train", points: points("gpu_percent"), format: whole },
            { label: "memory", colour: "validation", points: points("gpu_memory_mb"), dashed: true, scale: "right", format: mebibytes },
          ])}
        />
      )}
      {said("fps") && !said("gpu_percent", "gpu_memory_mb") && (
        <Chart
          {...chart("step")}
          title="Batches per second"
          testId="fps-chart"
          height={150}
          fromZero
          lines={[{ label: "rate", colour: "perf", points: points("fps"), format: rate }]}
        />
      )}
    </div>
  );
}

// A line that nobody said takes no place in the legend.
const spoken = (lines: Line[]): Line[] => lines.filter((line) => line.points.x.length > 0);

const shortName = {
  PAUSE_TRAINING: "pause",
  RESUME_TRAINING: "resume",
  STOP_TRAINING: "stop",
  ADJUST_BATCH_SIZE: "batch",
  CHANGE_LEARNING_RATE: "lr",
} as const;

export const resumedMarkers = ({ incarnations }: Watched): Marker[] =>
  incarnations.slice(1).flatMap(({ begin }) => (begin === null || begin <= 1 ? [] : [{ x: begin, label: "resumed" }]));

// Where somebody changed what, and where a later incarnation went on.
function markersOf(watched: Watched): Marker[] {
  return [...resumedMarkers(watched), ...watched.events.flatMap((event) => markerOf(watched, event))];
}

function markerOf(watched: Watched, event: BusEvent): Marker[] {
  if (event.kind !== "command" || event.state !== "APPLIED" || event.step <= 0) return [];
  const name = event.type === "SET_KNOB" ? knobTitle(event.name) : shortName[event.type];
  const change = event.old_value ? ` ${event.old_value} → ${event.new_value}` : ` ${event.new_value}`;
  return [{ x: offsetOf(watched, event.incarnation) + event.step, label: `${name}${event.value && event.new_value ? change : ""}` }];
}
