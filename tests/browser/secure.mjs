// What a login and TLS cost the page.
//   node secure.mjs [--seconds 10] [--pairs 3] [--rate 60] [--size 256]
// login_ms: from the submit of the password to the first row of the overview, median and worst. tiles: batches of 16 tiles
// drawn a second over TLS and over plain HTTP, in turns, and the ratio of the medians. Prints one JSON object, each figure
// beside its limit, with the load average of the machine; exit status 1 when the login takes over a second or the ratio is
// below 0.9.
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Bus } from "./bus.mjs";
import { launchBrowser } from "./browser.mjs";
import { makeCertificate } from "./certificate.mjs";
import { Program } from "./program.mjs";

const kLoginMs = 1000;
const kRatio = 0.9;
const kWarmUpMs = 2000;
const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, pairs: { type: "string", default: "3" }, rate: { type: "string", default: "60" }, size: { type: "string", default: "256" } },
});
const seconds = Number(values.seconds);
const pairs = Number(values.pairs);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const folder = mkdtempSync(join(tmpdir(), "trainbus-secure-"));
const stateDir = ["--state-dir", join(folder, "state")];
const { cert, key } = makeCertificate(folder);
const bus = await Bus.start({ dashboard: stateDir });
const tls = await bus.run("trainbus-dashboard", ["--listen", "127.0.0.1:0", "--broker", bus.address, ...stateDir, "--tls-cert", cert, "--tls-key", key], /open (https:\S+)/);
await (await Program.start("trainbus-dashboard", [...stateDir, "user", "add", "alice", "--role", "viewer"], { input: "password of alice\n" })).ended;
await bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", "tiles", "--trainers", "1", "--batch-rate", values.rate, "--tile-rate", values.rate, "--tile-size", values.size]);
const browser = await launchBrowser();

async function visit(url, use) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(url);
  await page.getByLabel("User").fill("alice");
  await page.getByLabel("Password").fill("password of alice");
  const submitted = performance.now();
  await page.locator("#by-password button").click();
  await page.getByTestId("trainer-row").waitFor();
  const loginMs = performance.now() - submitted;
  const result = await use(page, loginMs);
  await context.close();
  return result;
}

function drawnPerSecond(page) {
  return page.evaluate(([warmUpMs, forMs]) => {
    const frames = () => Number(document.querySelector("[data-testid=tiles-canvas]")?.dataset.frames ?? 0);
    const after = (ms) => new Promise((done) => setTimeout(done, ms));
    return (async () => {
      await after(warmUpMs);
      const [from, began] = [frames(), performance.now()];
      await after(forMs);
      return ((frames() - from) * 1000) / (performance.now() - began);
    })();
  }, [kWarmUpMs, seconds * 1000]);
}

async function tiles(page) {
  await page.getByTestId("trainer-row").first().click();
  await page.getByTestId("tiles-canvas").waitFor();
  return drawnPerSecond(page);
}

const drawn = { tls: [], plain: [] };
const loginMs = [];
const urls = { tls: tls.readyLine[1].replace(/\?.*/, ""), plain: `${bus.url}/` };
try {
  for (let pair = 0; pair < pairs; pair++) {
    for (const kind of ["tls", "plain"]) {
      drawn[kind].push(await visit(urls[kind], async (page, ms) => {
        if (kind === "plain") loginMs.push(ms);
        return tiles(page);
      }));
    }
  }
} finally {
  await browser.close();
  await bus.stop();
  rmSync(folder, { recursive: true, force: true });
}
const ratio = median(drawn.tls) / median(drawn.plain);
const result = { load_average: loadavg()[0], login_ms: { median: median(loginMs), worst: Math.max(...loginMs), at_most: kLoginMs }, tiles: { rate_hz: Number(values.rate), tls: median(drawn.tls), plain: median(drawn.plain), ratio, at_least: kRatio } };
console.log(JSON.stringify(result, null, 2));
process.exit(result.login_ms.worst <= kLoginMs && ratio >= kRatio ? 0 : 1);
