// What the page weighs, as the server sends it, and how soon something is painted.
//   node weight.mjs [--runs 9]
// Prints one JSON object: bytes of each file compressed, those that the overview needs to be shown, and the sum of all that is
// loaded when every view is opened; the first contentful paint of an overview of one trainer, and its first row, median
// and worst, each in a new browser context. Beside each a bare paint, of a line of text from the same server: what this
// browser on this machine needs at least, with the load average.
import { loadavg } from "node:os";
import { gzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import { Bus } from "./bus.mjs";
import { launchBrowser, newPage } from "./browser.mjs";
import { eventually } from "./steps.mjs";

const { values } = parseArgs({ options: { runs: { type: "string", default: "9" } } });

// A page just built is served plain (--www-root).
async function weightOf(file, url) {
  const response = await fetch(url + file, { headers: { "Accept-Encoding": "gzip" } });
  if (response.headers.get("content-encoding") === "gzip") return Number(response.headers.get("content-length"));
  const plain = Buffer.from(await response.arrayBuffer());
  return Math.min(plain.length, gzipSync(plain, { level: 9 }).length);
}

// Of each file that the browser asks for while it opens all views.
async function weights(browser, url, trainer) {
  const { page, at, close } = await newPage(browser, "about:blank");
  const files = new Set();
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith("/api/")) files.add(pathname);
  });
  await page.goto(`${url}/`);
  await at("trainer-row").first().waitFor();
  const needed = await page.evaluate(() => ["/", ...[...document.querySelectorAll("link[href], script[src]")].map((element) => new URL(element.href || element.src).pathname)]);
  await page.goto(`${url}/#/trainer/${trainer}`);
  await at("loss-chart").waitFor();
  await at("tiles-canvas").waitFor();
  await page.goto(`${url}/#/compare?of=${trainer}`);
  await at("compare-chart").first().waitFor();
  await eventually("the worker's parts", async () => files.has("/tiles.js"));
  await close();
  const sizes = {};
  for (const file of [...files].sort()) sizes[file] = await weightOf(file, url);
  return { files: sizes, needed: needed.map((file) => sizes[file]) };
}

const firstPaint = () =>
  new Promise((painted) => {
    new PerformanceObserver((list) => {
      const paint = list.getEntriesByName("first-contentful-paint")[0];
      if (paint) painted(paint.startTime);
    }).observe({ type: "paint", buffered: true });
  });

const firstRow = () =>
  new Promise((done) => {
    (function look() {
      const shown = document.querySelector("[data-testid=trainer-row]");
      requestAnimationFrame(shown ? () => done(performance.now()) : look);
    })();
  });

// Milliseconds from the start of the navigation to what `moments` wait for.
async function opened(browser, address, ...moments) {
  const view = await newPage(browser, address);
  const times = await Promise.all(moments.map((moment) => view.page.evaluate(moment)));
  await view.close();
  return times;
}

const sum = (sizes) => sizes.reduce((total, size) => total + size, 0);
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const bus = await Bus.start();
const browser = await launchBrowser();
try {
  await bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", "r", "--trainers", "1", "--batch-rate", "5"]);
  await eventually("a trainer", async () => (await (await fetch(`${bus.url}/api/trainers?limit=1`)).json()).total === 1);
  const { files, needed } = await weights(browser, bus.url, "r/t0");
  const paint = [];
  const row = [];
  const bare = [];
  for (let i = 0; i < Number(values.runs); i++) {
    const [painted, shown] = await opened(browser, `${bus.url}/`, firstPaint, firstRow);
    paint.push(painted);
    row.push(shown);
    bare.push(...(await opened(browser, `${bus.url}/healthz`, firstPaint)));
  }
  console.log(JSON.stringify({
    load_average: loadavg()[0], files, overview_bytes: sum(needed), total_bytes: sum(Object.values(files)),
    first_paint_ms_median: middle(paint), first_paint_ms_worst: Math.max(...paint), first_row_ms_median: middle(row), first_row_ms_worst: Math.max(...row),
    bare_paint_ms_median: middle(bare), bare_paint_ms_worst: Math.max(...bare),
  }, null, 2));
} finally {
  await browser.close();
  await bus.stop();
}
