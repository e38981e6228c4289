// How old is a batch of 16 tiles when it is drawn, and how soon is a long run's whole curve on screen?
//   node latency.mjs [--seconds 20] [--rate 60] [--size 256] [--batches 100000]
// Prints one JSON object. Age: the trainer's timestamp to the end of the draw, as the page itself shows it. Curve:
// opening the page (navigation start) to the first painted frame with the whole curve, median and worst of 5.
import { parseArgs } from "node:util";
import { Bus } from "./bus.mjs";
import { launchBrowser, newPage } from "./browser.mjs";
import { eventually } from "./steps.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    rate: { type: "string", default: "60" },
    size: { type: "string", default: "256" },
    batches: { type: "string", default: "100000" },
  },
});
const seconds = Number(values.seconds);
const kWarmUpMs = 3000;
const kCurveRuns = 5;

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;

async function tileAges(bus, browser) {
  const load = await bus.run("trainbus-loadgen", [
    "--broker", bus.address, "--run", "tiles", "--trainers", "1", "--batch-rate", values.rate, "--tile-rate", values.rate,
    "--tile-size", values.size, "--seconds", String(seconds + 30),
  ]);
  const name = await eventually("the load", async () => (await trainers(bus)).find((trainer) => trainer.run === "tiles")?.trainer);
  const view = await newPage(browser, `${bus.url}/#/trainer/tiles/${name}`);
  await eventually("tiles", async () => Number(await view.at("tiles-canvas").getAttribute("data-frames")) > 0);
  const drawn = await view.page.evaluate(([warmUpMs, forMs]) => {
    const canvas = document.querySelector("[data-testid=tiles-canvas]");
    const ages = [];
    let recording = false;
    new MutationObserver(() => recording && ages.push(Number(canvas.dataset.ageMs))).observe(canvas, { attributeFilter: ["data-frames"] });
    setTimeout(() => (recording = true), warmUpMs);
    return new Promise((done) => setTimeout(() => done(ages), warmUpMs + forMs));
  }, [kWarmUpMs, seconds * 1000]);
  const dropped = Number((await view.at("dropped").textContent()).replaceAll(",", ""));
  await view.close();
  await load.stop();
  const ages = drawn.sort((a, b) => a - b);
  return {
    rate_hz: Number(values.rate), tile_pixels: Number(values.size), seconds, drawn: ages.length, drawn_per_second: ages.length / seconds,
    not_shown_since_open: dropped, age_ms_p50: quantile(ages, 0.5), age_ms_p99: quantile(ages, 0.99), age_ms_max: ages[ages.length - 1] ?? null,
  };
}

async function trainers(bus) {
  return (await (await fetch(`${bus.url}/api/trainers`)).json()).trainers;
}

async function curveTimes(bus, browser) {
  const batches = Number(values.batches);
  const rate = 5000;
  const load = await bus.run("trainbus-loadgen", [
    "--broker", bus.address, "--run", "long", "--trainers", "1", "--batch-rate", String(rate), "--epoch-every", "1000",
    "--tile-rate", "0", "--seconds", String(Math.ceil((batches / rate) * 3)),
  ]);
  const known = async () => (await trainers(bus)).find((trainer) => trainer.run === "long");
  await eventually(`${batches} batches`, async () => ((await known())?.step ?? 0) >= batches, 600_000);
  await load.stop();
  const { trainer, step } = await known();
  const times = [];
  for (let i = 0; i < kCurveRuns; i++) {
    const view = await newPage(browser, `${bus.url}/#/trainer/long/${trainer}`);
    times.push(
      await view.page.evaluate(() => new Promise((done) => {
        (function look() {
          const chart = document.querySelector("[data-testid=loss-chart]");
          const shown = Number(chart?.dataset.points ?? 0) > 500 && chart.querySelector("canvas");
          if (shown) requestAnimationFrame(() => done(performance.now()));
          else requestAnimationFrame(look);
        })();
      })),
    );
    await view.close();
  }
  times.sort((a, b) => a - b);
  return { batches: step, curve_ms_median: quantile(times, 0.5), curve_ms_worst: times[times.length - 1] };
}

const bus = await Bus.start();
const browser = await launchBrowser();
const result = {};
try {
  if (seconds > 0) result.tiles = await tileAges(bus, browser);
  if (Number(values.batches) > 0) result.curve = await curveTimes(bus, browser);
} finally {
  await browser.close();
  await bus.stop();
}
console.log(JSON.stringify(result, null, 2));
