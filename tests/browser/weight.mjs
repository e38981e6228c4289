// What the page weighs, as the server sends it, and how soon something is painted.
//   node weight.mjs [--runs 9]
// Prints one JSON object: bytes of each file compressed, their sum, and the first contentful paint of an overview of one
// trainer, median and worst, each in a new browser context, with the load average of the machine.
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Bus } from "./bus.mjs";
import { launchBrowser, newPage } from "./browser.mjs";
import { eventually } from "./steps.mjs";

const { values } = parseArgs({ options: { runs: { type: "string", default: "9" } } });
const kFiles = ["/", "/app.js", "/tiles.js", "/style.css", "/favicon.svg"];

async function weights(url) {
  const sizes = {};
  for (const file of kFiles) {
    const response = await fetch(url + file, { headers: { "Accept-Encoding": "gzip" } });
    sizes[file] = Number(response.headers.get("content-length"));
  }
  return sizes;
}

const firstPaint = () =>
  new Promise((done) => {
    new PerformanceObserver((list) => {
      const paint = list.getEntriesByName("first-contentful-paint")[0];
      if (paint) done(paint.startTime);
    }).observe({ type: "paint", buffered: true });
  });

const bus = await Bus.start();
const browser = await launchBrowser();
try {
  await bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", "r", "--trainers", "1", "--batch-rate", "5"]);
  await eventually("a trainer", async () => (await (await fetch(`${bus.url}/api/trainers?limit=1`)).json()).total === 1);
  const files = await weights(bus.url);
  const paints = [];
  for (let i = 0; i < Number(values.runs); i++) {
    const view = await newPage(browser, `${bus.url}/`);
    paints.push(await view.page.evaluate(firstPaint));
    await view.close();
  }
  paints.sort((a, b) => a - b);
  const total = Object.values(files).reduce((sum, size) => sum + size, 0);
  console.log(JSON.stringify({ load_average: loadavg()[0], files, total_bytes: total, first_paint_ms_median: paints[Math.floor(paints.length / 2)], first_paint_ms_worst: paints.at(-1) }, null, 2));
} finally {
  await browser.close();
  await bus.stop();
}
