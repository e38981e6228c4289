// The charts of one trainer.
import { useState } from "preact/hooks";
import { Chart, type Line } from "../charts/chart";
import type { Marker } from "../charts/markers";
import { loss, mebibytes, number, percent, rate } from "../format";
import type { Axis, Page } from "../page";
import type { BusEvent, Points, SeriesName } from "../protocol";
import { smoothed } from "../series";
import type { Watched } from "../state";

const kMaxDots = 40; // more would hide the line
const kTrendFraction = 40; // the trend looks back over about this part of what is on screen

type Format = (value: number | null) => string;
const wholePercent: Format = (value) => (value === null ? "–" : `${number(value * 100, 3)} %`);
const whole = (value: number | null): string => (value === null ? "–" : `${Math.round(value)} %`);
const milliseconds = (value: number | null): string => (value === null ? "–" : `${number(value, 3)} ms`);

export function Curves({ page, watched }: { page: Page; watched: Watched }) {
  const [log, setLog] = useState(false);
  const { series } = watched;
  const points = (name: SeriesName, axis: Axis): Points => page.zoom[axis]?.points[name] ?? series[name];
  const chart = (axis: Axis) => ({
    xName: axis,
    theme: page.theme,
    range: page.zoom[axis],
    onZoom: (range: { min: number; max: number } | null) => page.setZoom(axis, range),
  });
  const epoch = (label: string, colour: string, name: SeriesName, format: Format, axisFormat: Format): Line => ({
    label,
    colour,
    points: points(name, "epoch"),
    dots: points(name, "epoch").x.length <= kMaxDots,
    dashed: label === "validation",
    format,
    axisFormat,
  });
  const batchLoss = points("batch_loss", "step");
  const trend = { x: batchLoss.x, y: smoothed(batchLoss.y, batchLoss.y.length / kTrendFraction) };
  const gpu = series.gpu_memory_mb.y.some((megabytes) => megabytes > 0); // without one both are 0
  return (
    <div class="curves">
      <div class="wide">
        <Chart
          {...chart("step")}
          title="Loss per batch"
          testId="loss-chart"
          height={260}
          log={log}
          markers={markersOf(watched.events)}
          lines={[
            { label: "batch", colour: "train", points: batchLoss, faint: true, format: loss, axisFormat: number },
            { label: "trend", colour: "train", points: trend, format: loss, axisFormat: number },
          ]}
        />
        <button class="small log" aria-pressed={log} onClick={() => setLog(!log)}>
          log
        </button>
      </div>
      <Chart
        {...chart("epoch")}
        title="Loss per epoch"
        testId="epoch-loss-chart"
        height={180}
        lines={[epoch("training", "train", "epoch_loss", loss, number), epoch("validation", "validation", "validation_loss", loss, number)]}
      />
      <Chart
        {...chart("epoch")}
        title="Accuracy per epoch"
        testId="epoch-accuracy-chart"
        height={180}
        lines={[
          epoch("training", "train", "epoch_accuracy", percent, wholePercent),
          epoch("validation", "validation", "validation_accuracy", percent, wholePercent),
        ]}
      />
      <Chart
        {...chart("step")}
        title="Learning rate"
        testId="lr-chart"
        height={150}
        fromZero
        lines={[{ label: "rate", colour: "accent", points: points("learning_rate", "step"), stepped: true }]}
      />
      <Chart
        {...chart("step")}
        title="Time per batch"
        testId="perf-chart"
        height={150}
        fromZero
        lines={[{ label: "time", colour: "perf", points: points("time_per_batch_ms", "step"), format: milliseconds }]}
      />
      <Chart
        {...chart("step")}
        title="CPU and memory"
        testId="cpu-chart"
        height={150}
        fromZero
        lines={[
          { label: "CPU", colour: "train", points: points("cpu_percent", "step"), format: whole },
          { label: "memory", colour: "validation", points: points("memory_mb", "step"), dashed: true, scale: "right", format: mebibytes },
        ]}
      />
      {gpu ? (
        <Chart
          {...chart("step")}
          title="GPU"
          testId="gpu-chart"
          height={150}
          fromZero
          lines={[
            { label: "GPU", colour: "train", points: points("gpu_percent", "step"), format: whole },
            { label: "memory", colour: "validation", points: points("gpu_memory_mb", "step"), dashed: true, scale: "right", format: mebibytes },
          ]}
        />
      ) : (
        <Chart
          {...chart("step")}
          title="Batches per second"
          testId="fps-chart"
          height={150}
          fromZero
          lines={[{ label: "rate", colour: "perf", points: points("fps", "step"), format: rate }]}
        />
      )}
    </div>
  );
}

const shortName = {
  PAUSE_TRAINING: "pause",
  RESUME_TRAINING: "resume",
  STOP_TRAINING: "stop",
  ADJUST_BATCH_SIZE: "batch",
  CHANGE_LEARNING_RATE: "lr",
} as const;

function markersOf(events: readonly BusEvent[]): Marker[] {
  return events.flatMap((event) => {
    if (event.kind !== "command" || event.state !== "APPLIED" || event.step <= 0) return [];
    const value = event.new_value && event.value ? ` ${event.old_value} → ${event.new_value}` : "";
    return [{ x: event.step, label: `${shortName[event.type]}${value}` }];
  });
}
