// Every limit of the dashboard, measured one after the other: a table of what was found and what is wanted. For a machine
// that has nothing else to do; it takes about half an hour.
//   node limits.mjs [--only TEXT] [--batches 1000000]
// --only: the rows with this text in their name. --batches: of the long curves. Ends with 1 when a limit is missed.
import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const { values } = parseArgs({ options: { only: { type: "string", default: "" }, batches: { type: "string", default: "1000000" } } });
const here = dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);
const { batches } = values;

const atMost = (limit) => ({ text: `≤ ${limit}`, met: (value) => value <= limit });
const atLeast = (limit) => ({ text: `≥ ${limit}`, met: (value) => value >= limit });

// What is measured by one command: its figures, each with where it is in the answer, and its limit.
const measurements = [
  ["tiles of 256 px at their drawn size", ["latency.mjs", "--batches", "0"], [
    ["frames a second", ({ tiles }) => tiles.drawn_per_second, atLeast(59.5)],
    ["age p50, ms", ({ tiles }) => tiles.age_ms_p50, atMost(30)],
    ["age p99, ms", ({ tiles }) => tiles.age_ms_p99, atMost(50)],
  ]],
  ["tiles of 256 px drawn as large", ["latency.mjs", "--batches", "0", "--large"], [
    ["frames a second", ({ tiles }) => tiles.drawn_per_second, atLeast(58)],
    ["age p99, ms", ({ tiles }) => tiles.age_ms_p99, atMost(60)],
  ]],
  ["tiles beside a training", ["latency.mjs", "--batches", "0", "--beside"], [
    ["frames a second", ({ tiles }) => tiles.drawn_per_second, atLeast(50)],
    ["age p99, ms", ({ tiles }) => tiles.age_ms_p99, atMost(100)],
  ]],
  ["tiles over 4 MB/s", ["latency.mjs", "--batches", "0", "--link", "4000000"], [
    ["age p50, ms", ({ tiles }) => tiles.age_ms_p50, atMost(250)],
    ["age p99, ms", ({ tiles }) => tiles.age_ms_p99, atMost(500)],
  ]],
  ["1,000 finished trainers", ["crowd.mjs", "--finished"], [
    ["renderer, % of a core", (answer) => answer.renderer_core_percent, atMost(3)],
    ["longest task, ms", (answer) => answer.longest_task_ms, atMost(50)],
  ]],
  ["1,000 live trainers", ["crowd.mjs"], [
    ["bytes a second", (answer) => answer.bytes_per_second, atMost(150_000)],
    ["frames a second, scrolling", (answer) => answer.scrolling_fps, atLeast(50)],
  ]],
  ["100 trainers of 1,000 class names", ["crowd.mjs", "--trainers", "100", "--class-names", "1000"], [
    ["bytes a second", (answer) => answer.bytes_per_second, atMost(100_000)],
  ]],
  [`a curve of ${batches} batches`, ["latency.mjs", "--seconds", "0", "--batches", batches], [
    ["opened to drawn, ms", ({ curve }) => curve.median_ms, atMost(400)],
  ]],
  [`10 runs of ${batches} batches overlaid`, ["latency.mjs", "--seconds", "0", "--batches", batches, "--overlaid", "10"], [
    ["opened to drawn, ms", ({ overlaid }) => overlaid.median_ms, atMost(1500)],
  ]],
  ["the page", ["weight.mjs"], [
    ["bytes, compressed", (answer) => answer.total_bytes, atMost(160_000)],
    ["first paint, ms", (answer) => answer.first_paint_ms_median, atMost(500)],
  ]],
];

const rounded = (value) => (typeof value === "number" ? Math.round(value * 10) / 10 : "–");
let missed = 0;
console.log("| what | figure | found | wanted | load |\n|---|---|---|---|---|");
for (const [what, command, figures] of measurements.filter(([name]) => name.includes(values.only))) {
  const answer = await run("node", command, { cwd: here, maxBuffer: 1 << 24 }).then(({ stdout }) => JSON.parse(stdout), (error) => error);
  if (answer instanceof Error) console.error(`${command.join(" ")}: ${answer.message}`);
  for (const [name, read, limit] of figures) {
    const value = answer instanceof Error ? undefined : read(answer);
    const met = typeof value === "number" && limit.met(value);
    if (!met) missed++;
    console.log(`| ${what} | ${name} | ${met ? "" : "**"}${rounded(value)}${met ? "" : "**"} | ${limit.text} | ${rounded(answer.load_average)} |`);
  }
}
console.log(`\n${missed} missed`);
process.exit(missed > 0 ? 1 : 0);
