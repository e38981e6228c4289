// Pictures of every state that a person may see, on desktops of 1440 and 1920 pixels and on a phone, light and dark, for
// people to look at; and axe-core's complaints and what is wider than the screen, which there must not be.
//   node pictures.mjs FOLDER [--only running] [--crowd 1000]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { barriers, desktop, launchBrowser, newPage, phone } from "./browser.mjs";
import { Bus } from "./bus.mjs";
import { eventually } from "./steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "" }, crowd: { type: "string", default: "1000" } },
});
const [folder = "pictures"] = positionals;
const screens = { 1440: desktop, 1920: { width: 1920, height: 1080 }, phone };
const kLong = "a-name-as-long-as-names-may-be-".repeat(3).slice(0, 63);  // and a digit
mkdirSync(folder, { recursive: true });

const bus = await Bus.start();
const browser = await launchBrowser();
const problems = [];

async function shoot(name, path, ready) {
  if (values.only && !name.startsWith(values.only)) return;
  for (const [screen, viewport] of Object.entries(screens))
    for (const colorScheme of ["light", "dark"]) {
      const view = await newPage(browser, `${bus.url}/${path}`, { viewport, colorScheme });
      await ready(view);
      await view.page.screenshot({ path: join(folder, `${name}-${screen}-${colorScheme}.png`) });
      const wide = await view.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      const found = [...(wide > 0 ? [`${wide} pixels too wide`] : []), ...(await barriers(view.page)), ...view.complaints];
      for (const problem of found) problems.push(`${name}-${screen}-${colorScheme}: ${problem}`);
      await view.close();
    }
  console.log(name);
}

const shows = (id) => async ({ at }) => at(id).first().waitFor();
const says = (state) => async ({ page, at }) => {
  await eventually(state, async () => (await at("state").first().textContent().catch(() => "")).trim() === state, 120_000);
  await page.waitForTimeout(1500);
};
const state = async (run, name) => (await bus.trainer(run, name))?.state;
const shapes = (name, ...more) => bus.train(name, ["--run", "shapes", "--dataset", "shapes", "--limit-samples", "2000", "--batches-per-epoch", "30", "--batch-size", "16", "--threads", "1", ...more]);
const loadgen = (...args) => bus.run("trainbus-loadgen", ["--broker", bus.address, ...args]);
const order = (path, type) => fetch(`${bus.url}/api/trainers/${path}/commands`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ type }) });

try {
  await shoot("empty", "", shows("empty"));
  const running = await shapes("running", "--epochs", "1000", "--batch-delay-ms", "60");
  const ended = await shapes("ended", "--epochs", "4");
  const nan = await shapes("diverged", "--epochs", "1000", "--lr", "1e9", "--batch-delay-ms", "200");
  const media = await loadgen("--run", "media", "--trainers", "1", "--batch-rate", "20", "--epoch-every", "20", "--scalars", "8", "--media", "--tile-rate", "5", "--tile-size", "64");
  const long = await loadgen("--run", kLong + "r", "--name-prefix", kLong, "--trainers", "1", "--batch-rate", "5", "--tile-rate", "5", "--tile-size", "32");
  await ended.ended;
  await eventually("several epochs", async () => (await bus.trainer("shapes", "running"))?.epoch >= 6, 240_000);
  await shoot("running", "#/trainer/shapes/running", says("ALIVE"));
  await shoot("nan", "#/trainer/shapes/diverged", shows("diverged"));
  await shoot("media", "#/trainer/media/t0", async (view) => {
    await says("ALIVE")(view);
    await view.at("media-card").first().scrollIntoViewIfNeeded();
    await view.page.waitForTimeout(1000);
  });
  await shoot("long-names", `#/trainer/${kLong}r/${kLong}0`, says("ALIVE"));
  await shoot("ended", "#/trainer/shapes/ended", shows("summary"));
  await shoot("compare", "#/compare?of=shapes/ended&of=shapes/running&of=shapes/diverged&value=batch_loss&value=epoch_loss", shows("compare-chart"));
  await order("shapes/running", "PAUSE_TRAINING");
  await shoot("paused", "#/trainer/shapes/running", says("PAUSED"));
  media.process.kill("SIGKILL");
  await eventually("a dead one", async () => (await state("media", "t0")) === "DEAD", 60_000);
  await shoot("dead", "#/trainer/media/t0", says("DEAD"));
  await order("shapes/running", "STOP_TRAINING");
  await running.ended;
  await shoot("stopped", "#/trainer/shapes/running", shows("summary"));
  await shoot("overview", "#/", shows("trainer-row"));
  await nan.stop();
  await long.stop();
  const crowd = await loadgen("--run", "crowd", "--trainers", values.crowd, "--batch-rate", "1");
  await eventually("all of them", async () => (await (await fetch(`${bus.url}/api/trainers?limit=1`)).json()).total >= Number(values.crowd), 120_000);
  await shoot("crowd", "#/", async (view) => {
    await shows("trainer-row")(view);
    await view.page.waitForTimeout(3000);
  });
  await crowd.stop();
  await bus.broker.stop();
  await shoot("no-broker", "#/", async (view) => {
    await shows("trainer-row")(view);
    await view.page.waitForTimeout(2000);
  });
} finally {
  await browser.close();
  await bus.stop();
}
for (const problem of problems) console.log(problem);
console.log(`${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
