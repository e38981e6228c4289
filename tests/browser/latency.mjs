// How old is a batch of 16 tiles when it is drawn, and how soon is a long run's whole curve on screen?
//   node latency.mjs [--seconds 20] [--rate 60] [--size 256] [--batches 100000] [--overlaid 0] [--large] [--beside] [--link BYTES]
// --large: tiles over the whole window, so that each is drawn with 256 pixels and more. --beside: a training uses one core
// meanwhile. --link: a link of so many bytes a second to the browser. --overlaid: so many runs of --batches each over one
// another. Prints one JSON object, with the load average of the machine. Age: the trainer's timestamp to the end of the
// draw, as the page itself shows it. Curve: opening the page (navigation start) to the first painted frame with the whole
// curve, median and worst of 5.
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Bus } from "./bus.mjs";
import { launchBrowser, newPage } from "./browser.mjs";
import { Link } from "./link.mjs";
import { eventually } from "./steps.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    rate: { type: "string", default: "60" },
    size: { type: "string", default: "256" },
    batches: { type: "string", default: "100000" },
    overlaid: { type: "string", default: "0" },
    large: { type: "boolean", default: false },
    beside: { type: "boolean", default: false },
    link: { type: "string", default: "0" },
  },
});
const seconds = Number(values.seconds);
const kWarmUpMs = 3000;
const kCurveRuns = 5;

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;

// As a training on data of its own does: one thread, as fast as it goes.
const training = (bus) =>
  bus.train("beside", ["--dataset", "shapes", "--limit-samples", "8000", "--batches-per-epoch", "1000", "--batch-size", "64", "--epochs", "1000", "--threads", "1"]);

async function tileAges(bus, browser) {
  const link = new Link(Number(values.link));
  const url = await link.start(Number(new URL(bus.url).port));
  const beside = values.beside ? await training(bus) : null;
  const load = await bus.run("trainbus-loadgen", [
    "--broker", bus.address, "--run", "tiles", "--trainers", "1", "--batch-rate", values.rate, "--tile-rate", values.rate,
    "--tile-size", values.size, "--seconds", String(seconds + 30),
  ]);
  const name = await eventually("the load", async () => (await trainers(bus)).find((trainer) => trainer.run === "tiles")?.trainer);
  const view = await newPage(browser, `${url}/#/trainer/tiles/${name}`);
  if (values.large) {
    await view.page.evaluate(() => localStorage.setItem("trainbus-tiles", "5 wide"));
    await view.page.reload();
  }
  await eventually("tiles", async () => Number(await view.at("tiles-canvas").getAttribute("data-frames")) > 0);
  const drawn = await view.page.evaluate(([warmUpMs, forMs]) => {
    const canvas = document.querySelector("[data-testid=tiles-canvas]");
    const ages = [];  // of each frame drawn
    let recording = false;
    new MutationObserver(() => recording && ages.push(Number(canvas.dataset.ageMs))).observe(canvas, { attributeFilter: ["data-frames"] });
    setTimeout(() => (recording = true), warmUpMs);
    return new Promise((done) => setTimeout(() => done(ages), warmUpMs + forMs));
  }, [kWarmUpMs, seconds * 1000]);
  const pixels = Number(await view.at("tiles-canvas").getAttribute("data-pixels"));
  const dropped = Number((await view.at("dropped").textContent()).replaceAll(",", ""));
  await view.close();
  await load.stop();
  await beside?.stop();
  link.stop();
  const ages = drawn.sort((a, b) => a - b);
  return {
    rate_hz: Number(values.rate), tile_pixels: Number(values.size), drawn_pixels: pixels, beside_a_training: values.beside, link_bytes_per_second: Number(values.link), seconds, drawn: ages.length, drawn_per_second: ages.length / seconds,
    not_shown_since_open: dropped, age_ms_p50: quantile(ages, 0.5), age_ms_p99: quantile(ages, 0.99), age_ms_max: ages[ages.length - 1] ?? null,
  };
}

async function trainers(bus) {
  return (await (await fetch(`${bus.url}/api/trainers`)).json()).trainers;
}

const kRate = 5000;
const kRun = "long";

// So many trainers that have done --batches each. Returns their names.
async function trained(bus, count) {
  const batches = Number(values.batches);
  const load = await bus.run("trainbus-loadgen", [
    "--broker", bus.address, "--run", kRun, "--trainers", String(count), "--batch-rate", String(kRate), "--epoch-every", "1000",
    "--tile-rate", "0", "--seconds", String(Math.ceil((batches / kRate) * 3 * count)),
  ]);
  const known = async () => (await trainers(bus)).filter(({ run }) => run === kRun);
  const least = async () => Math.min(...(await known()).map(({ step }) => step ?? 0));
  await eventually(`${batches} batches each`, async () => (await known()).length === count && (await least()) >= batches, 1_200_000);
  await load.stop();
  return (await known()).map(({ trainer }) => trainer);
}

// From the start of the navigation to the first frame in which `chart` has drawn `lines` curves of a whole run.
async function timesUntil(browser, url, chart, lines) {
  const times = [];
  for (let i = 0; i < kCurveRuns; i++) {
    const view = await newPage(browser, url);
    times.push(
      await view.page.evaluate(([selector, wanted]) => new Promise((done) => {
        (function look() {
          const box = document.querySelector(selector);
          const shown = Number(box?.dataset.points ?? 0) > 500 && Number(box.dataset.lines ?? 1) >= wanted && box.querySelector("canvas");
          requestAnimationFrame(shown ? () => done(performance.now()) : look);
        })();
      }), [chart, lines]),
    );
    await view.close();
  }
  times.sort((a, b) => a - b);
  return { batches: Number(values.batches), median_ms: quantile(times, 0.5), worst_ms: times[times.length - 1] };
}

async function curveTimes(bus, browser) {
  const [trainer] = await trained(bus, 1);
  return timesUntil(browser, `${bus.url}/#/trainer/${kRun}/${trainer}`, "[data-testid=loss-chart]", 1);
}

async function overlaidTimes(bus, browser) {
  const names = await trained(bus, Number(values.overlaid));
  const items = names.map((name) => `of=${kRun}/${name}`).join("&");
  return { runs: names.length, ...(await timesUntil(browser, `${bus.url}/#/compare?${items}&value=batch_loss`, "[data-testid=compare-chart]", names.length)) };
}

const bus = await Bus.start();
const browser = await launchBrowser();
const result = { load_average: loadavg()[0] };
try {
  if (seconds > 0) result.tiles = await tileAges(bus, browser);
  if (Number(values.overlaid) > 0) result.overlaid = await overlaidTimes(bus, browser);
  else if (Number(values.batches) > 0) result.curve = await curveTimes(bus, browser);
} finally {
  await browser.close();
  await bus.stop();
}
console.log(JSON.stringify(result, null, 2));
