// The words of the x axis in each of its units.
import { count, duration, number } from "../format";
import type { Timeline, XMode } from "../timeline";

export const xModeNames: Record<XMode, string> = { step: "Step", epoch: "Epoch", time: "Time", relative: "Time since start" };

const kDay = 86_400;
const two = (value: number): string => String(value).padStart(2, "0");

const wholeSteps = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const seconds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, ...[1, 2, 5, 10, 20, 50, 100].map((days) => days * kDay)];

// The distances that ticks may have; undefined: uPlot's own, which know the calendar.
export function tickIncrements(mode: XMode): number[] | undefined {
  switch (mode) {
    case "step":
      return wholeSteps;
    case "relative":
      return seconds;
    default:
      return undefined;
  }
}

export function tickText(mode: XMode, value: number, increment: number): string {
  switch (mode) {
    case "time":
      return clock(value, increment < 60, increment >= kDay);
    case "relative":
      return elapsed(value);
    default:
      return number(value);
  }
}

function clock(unix: number, withSeconds: boolean, dayOnly: boolean): string {
  const date = new Date(unix * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  if (dayOnly) return day;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (!withSeconds && time === "00:00") return day.slice(5);
  return withSeconds ? `${time}:${two(date.getSeconds())}` : time;
}

// 0:00:05, 1:30:00
function elapsed(value: number): string {
  if (value < 0) return "";
  const whole = Math.floor(value);
  const tenth = value - whole >= 0.05 ? (value - whole).toFixed(1).slice(1) : "";
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}${tenth}`;
}

// Where the cursor is, in words; with the step where it is known.
export function placeText(mode: XMode, x: number, timeline: Timeline): string {
  const step = `step ${count(timeline.toStep(mode, x))}`;
  if (mode === "step") return step;
  const place = mode === "epoch" ? `epoch ${number(x, 5)}` : mode === "time" ? clock(x, true, false) : duration(x * 1000);
  return timeline.can(mode) ? `${place}, ${step}` : place;
}
