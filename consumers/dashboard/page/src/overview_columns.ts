// What the list of trainers can say of each, and how it is sorted.
import { diverged } from "./divergence";
import { count, duration, kNone, loss, mebibytes, notFinite, number, percent, rate } from "./format";
import { endedStates, type Trainer, type TrainerState } from "./protocol";
import { compareNames, NameOrder } from "./name_order";
import { sessionId } from "./route";

export interface Column {
  id: string;
  title: string;
  width: string; // of the grid
  value: (trainer: Trainer) => number | string | null; // what it is sorted by
  text?: (trainer: Trainer) => string; // absent: the row draws it itself
  usual: boolean;
}

const running = (trainer: Trainer): boolean => !endedStates.includes(trainer.state);
const figure = (id: string, title: string, value: (trainer: Trainer) => number | null, text: (value: number | null) => string, usual = false, width = "84px"): Column => ({
  id, title, width, value, text: (trainer) => text(value(trainer)), usual,
});
const percentOf = (value: number | null): string => (value === null ? kNone : `${Math.round(value)} %`);

// It says values at steps, and nothing of epochs and batches.
export const onlySteps = ({ epoch, batch, step }: Trainer): boolean => epoch === null && batch === null && step !== null && step > 0;

// How far a training is, 0 to 1.
export function progressOf({ epoch, total_epochs, batch, batches_per_epoch }: Trainer): number {
  if (!epoch || !total_epochs) return 0;
  const within = batches_per_epoch && batch !== null ? Math.min(1, (batch + 1) / batches_per_epoch) : 0;
  return Math.min(1, (epoch - 1 + within) / total_epochs);
}

export const columns: readonly Column[] = [
  { id: "state", title: "State", width: "208px", value: (trainer) => trainer.state, usual: true },
  { id: "site", title: "Site", width: "minmax(60px, 120px)", value: ({ site }) => site, text: ({ site }) => site || kNone, usual: false },
  { id: "name", title: "Trainer", width: "minmax(160px, 1.4fr)", value: sessionId, usual: true },
  { id: "progress", title: "Progress", width: "minmax(190px, 1fr)", value: progressOf, usual: true },
  {
    id: "loss", title: "Loss", width: "84px", usual: true,
    value: (trainer) => trainer.loss ?? trainer.epoch_loss,
    text: (trainer) => {
      const lost = diverged(trainer);
      return lost === null ? loss(trainer.loss ?? trainer.epoch_loss) : notFinite(lost);
    },
  },
  { id: "spark", title: "Loss curve", width: "minmax(80px, 130px)", value: (trainer) => trainer.sparkline.at(-1) ?? null, usual: true },
  figure("accuracy", "Accuracy", ({ accuracy }) => accuracy, percent, true),
  figure("validation_loss", "Val. loss", ({ validation_loss }) => validation_loss, loss),
  figure("validation_accuracy", "Val. accuracy", ({ validation_accuracy }) => validation_accuracy, percent, false, "96px"),
  figure("epoch", "Epoch", ({ epoch }) => epoch, count),
  figure("step", "Step", ({ step }) => step, count),
  figure("fps", "Batches/s", (trainer) => (trainer.state === "ALIVE" ? trainer.fps : null), rate, true),
  figure("time_per_batch", "ms per batch", ({ time_per_batch_ms }) => time_per_batch_ms, (value) => number(value, 3), false, "96px"),
  figure("learning_rate", "Learning rate", ({ learning_rate }) => learning_rate, number, true, "100px"),
  figure("batch_size", "Batch size", ({ batch_size }) => batch_size, count),
  figure("eta", "Remaining", (trainer) => (running(trainer) && trainer.eta_sec !== null ? trainer.eta_sec * 1000 : null), duration),
  figure("cpu", "CPU", ({ cpu_percent }) => cpu_percent, percentOf),
  figure("memory", "Memory", ({ memory_mb }) => memory_mb, mebibytes),
  figure("gpu", "GPU", ({ gpu_percent }) => gpu_percent, percentOf),
  figure("gpu_memory", "GPU memory", ({ gpu_memory_mb }) => gpu_memory_mb, mebibytes, false, "96px"),
  { id: "model", title: "Model", width: "120px", value: ({ model }) => model, text: ({ model }) => model || kNone, usual: false },
  { id: "dataset", title: "Data set", width: "120px", value: ({ dataset }) => dataset, text: ({ dataset }) => dataset || kNone, usual: false },
  { id: "heartbeat", title: "Heartbeat", width: "84px", value: (trainer) => (running(trainer) ? -(trainer.silent_since_ms || Infinity) : null), usual: true },
];

// Beyond these: a named value, or a parameter of the plan.
export const isExtra = (id: string): boolean => /^(value|parameter):./.test(id);
export function columnOf(id: string): Column | undefined {
  if (!isExtra(id)) return columns.find((column) => column.id === id);
  const value = (trainer: Trainer) => trainer.columns[id] ?? null;
  const text = (trainer: Trainer) => {
    const said = value(trainer);
    return typeof said === "number" ? number(said) : said || kNone;
  };
  return { id, title: id.slice(id.indexOf(":") + 1), width: "minmax(84px, 120px)", value, text, usual: false };
}

export const usualColumns = columns.filter(({ usual }) => usual).map(({ id }) => id);

export interface Sorting {
  by: string; // a column; "": what needs attention first
  down: boolean;
}

const needsAttention: readonly TrainerState[] = ["DEAD", "STALLED", "FAILED", "UNREACHABLE"];
const kOldMs = 24 * 3600_000; // what went wrong longer ago is no news

function attention(trainer: Trainer, now: number): number {
  const old = trainer.idle_since_ms !== null && trainer.idle_since_ms > 0 && now - trainer.idle_since_ms > kOldMs;
  if (old && !["ALIVE", "PAUSED"].includes(trainer.state)) return needsAttention.length + 1;
  if (needsAttention.includes(trainer.state)) return needsAttention.indexOf(trainer.state);
  return needsAttention.length + (diverged(trainer) === null ? 1 : 0);
}

const nameOrder = new NameOrder();

// What has no value comes last, whichever way. `now`: server time.
export function sorted(trainers: readonly Trainer[], { by, down }: Sorting, now: number): Trainer[] {
  const rank = nameOrder.of(trainers);
  const column = columnOf(by);
  const sign = down ? -1 : 1;
  const marked = trainers.map((trainer) => {
    const value = column ? column.value(trainer) : attention(trainer, now);
    const missing = value === null || value === "" || Number.isNaN(value);
    return { trainer, value, missing, rank: rank(trainer) };
  });
  type Marked = (typeof marked)[number];
  const byValue = (a: Marked, b: Marked): number => {
    if (a.missing || b.missing) return Number(a.missing) - Number(b.missing);
    if (typeof a.value === "number" && typeof b.value === "number") return a.value === b.value ? 0 : sign * (a.value < b.value ? -1 : 1);
    return sign * compareNames(String(a.value), String(b.value));
  };
  if (by === "name") marked.sort((a, b) => sign * (a.rank - b.rank));
  else marked.sort((a, b) => byValue(a, b) || a.rank - b.rank);
  return marked.map(({ trainer }) => trainer);
}
