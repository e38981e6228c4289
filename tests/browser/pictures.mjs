// Pictures of every state that a person may see, on desktops of 1440 and 1920 pixels and on a phone, light and dark, for
// people to look at; and axe-core's complaints and what is wider than the screen, which there must not be.
//   node pictures.mjs FOLDER [--only NAME…] [--screens 1440,1920,phone] [--colors light,dark] [--crowd 1000] [--whole]
// --only: those whose names begin so. --whole: the whole page, not what a window shows of it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { barriers, desktop, launchBrowser, newPage, phone, smallTargets } from "./browser.mjs";
import { Bus, pageFlags } from "./bus.mjs";
import { eventually } from "./steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true, default: [""] },
    screens: { type: "string", default: "1440,1920,phone" },
    colors: { type: "string", default: "light,dark" },
    crowd: { type: "string", default: "1000" },
    whole: { type: "boolean", default: false },
  },
});
const [folder = "pictures"] = positionals;
const sizes = { 1440: desktop, 1920: { width: 1920, height: 1080 }, phone };
const screens = values.screens.split(",");
const colors = values.colors.split(",");
const kLong = "a-name-as-long-as-names-may-be-".repeat(3).slice(0, 64);
const kPatienceMs = 240_000;
const kSettleMs = 400;  // until charts are drawn in another size, or in other colours
mkdirSync(folder, { recursive: true });

const bus = await Bus.start();
const browser = await launchBrowser();
const folders = mkdtempSync(join(tmpdir(), "trainbus-pictures-"));
const problems = [];
const complain = (...found) => {
  for (const problem of found) console.log(problem);
  problems.push(...found);
};

const wanted = (name) => values.only.some((only) => name.startsWith(only));

// One page is each desktop in turn, and light and dark; the phone's is another. `ready` waits until what the picture is
// about is on the page; `deaf`: the server never answers its WebSockets.
async function shoot(name, path, ready, { url = bus.url, ...options } = {}) {
  if (!wanted(name)) return;
  const desktops = screens.filter((screen) => screen !== "phone");
  for (const alike of [desktops, screens.filter((screen) => screen === "phone")].filter(({ length }) => length > 0)) {
    const view = await newPage(browser, `${url}/${path}`, { viewport: sizes[alike[0]], colorScheme: colors[0], ...options });
    await ready(view).catch((error) => complain(`${name}-${alike[0]}: not so: ${error.message.split("\n")[0]}`));
    for (const screen of alike) for (const color of colors) await shootAs(view.page, name, screen, color);
    complain(...view.complaints.filter((line) => !/status of 401/.test(line)).map((line) => `${name}: ${line}`));
    await view.close();
  }
  console.log(name);
}

async function shootAs(page, name, screen, colorScheme) {
  await page.setViewportSize(sizes[screen]);
  await page.emulateMedia({ colorScheme });
  await page.waitForFunction((theme) => document.documentElement.dataset.theme === theme, colorScheme);
  await page.waitForTimeout(kSettleMs);
  await page.screenshot({ path: join(folder, `${name}-${screen}-${colorScheme}.png`), fullPage: values.whole });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const found = [...(wide > 0 ? [`${wide} pixels too wide`] : []), ...(await barriers(page)), ...(screen === "phone" ? await smallTargets(page) : [])];
  complain(...found.map((problem) => `${name}-${screen}-${colorScheme}: ${problem}`));
}

const all = (...conditions) => async (view) => {
  for (const condition of conditions) await condition(view);
};
const shows = (id) => ({ at }) => at(id).first().waitFor();
const says = (state) => ({ page }) => page.locator("[data-testid=state]").first().and(page.getByText(state, { exact: true })).waitFor({ timeout: kPatienceMs });
const tiles = ({ page }) => page.waitForFunction(() => Number(document.querySelector("[data-testid=tiles-canvas]")?.dataset.frames ?? 0) > 3);
// On a phone the charts are made when they come near; the curve in small is in the first window.
const curves = ({ page }) =>
  page.waitForFunction(() => Number(document.querySelector("[data-testid=loss-chart]")?.dataset.points ?? 0) > 0 || document.querySelector(".vitals .sparkline")?.checkVisibility());
const rows = (atLeast) => ({ page }) => page.waitForFunction((count) => Number(document.querySelector("[data-testid=trainer-count]")?.textContent.replace(/\D/g, "") ?? 0) >= count, atLeast);
const click = (id) => ({ at }) => at(id).first().click();
const logIn = async ({ page }) => {
  await page.getByLabel("User").fill("alice");
  await page.getByLabel("Password").fill("password of alice");
  await page.locator("#by-password button").click();
};
const lookAt = (id) => ({ at }) => at(id).first().scrollIntoViewIfNeeded();

const train = (run, name, ...more) => bus.train(name, ["--run", run, "--threads", "1", ...more]);
const shapes = (name, ...more) => train("shapes", name, "--limit-samples", "2000", "--batches-per-epoch", "20", "--batch-size", "16", ...more);
const loadgen = (...args) => bus.run("trainbus-loadgen", ["--broker", bus.address, ...args]);
const order = (path, type) =>
  fetch(`${bus.url}/api/trainers/${path}/commands`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ type }) });
const known = (run, name, what, question) => eventually(`${run}/${name}: ${what}`, async () => question((await bus.trainer(run, name)) ?? {}), kPatienceMs);
const becomes = (run, name, state) => known(run, name, state, (trainer) => trainer.state === state);

// A data set that cannot be read: its training fails, and says why.
function unreadableImages() {
  for (const name of ["cats", "dogs"]) {
    mkdirSync(join(folders, "images", name), { recursive: true });
    writeFileSync(join(folders, "images", name, "1.jpg"), "no picture");
  }
  return `folder:${join(folders, "images")}`;
}

// Nobody reads what it prints, so at some line it waits for ever: its heartbeats go on, its steps do not.
function stall(program) {
  for (const stream of [program.process.stdout, program.process.stderr]) stream.pause();
}

try {
  await shoot("empty", "", shows("empty"));
  await shoot("loading-overview", "", shows("app"), { deaf: true });
  const login = ["--state-dir", join(folders, "login")];
  await (await bus.run("trainbus-dashboard", [...login, "user", "add", "alice", "--role", "viewer"], null, "password of alice\n")).ended;
  const closed = await bus.run("trainbus-dashboard", ["--listen", "127.0.0.1:0", ...login, ...pageFlags, "--broker", bus.address], /open (http:\/\/[^/]+)/);
  const { readyLine: [, closedUrl] } = closed;
  await shoot("login", "", ({ page }) => page.locator("#by-password").waitFor(), { url: closedUrl });
  await bus.run("trainbus-watch", ["--broker", bus.address]);
  const running = await shapes("running", "--epochs", "1000", "--batch-delay-ms", "60", "--tag", "baseline", "--notes", "Small network, plain SGD.");
  const ended = await shapes("ended", "--epochs", "4");
  const nan = await shapes("diverged", "--epochs", "1000", "--lr", "1e9", "--batch-delay-ms", "200");
  const failed = await train("shapes", "failed", "--dataset", unreadableImages());
  stall(await train("shapes", "stalled", "--epochs", "1000000", "--limit-samples", "16", "--batch-size", "8"));
  const media = await loadgen("--run", "media", "--trainers", "1", "--batch-rate", "20", "--epoch-every", "20", "--scalars", "8", "--media", "--tile-rate", "5", "--tile-size", "64");
  const long = await train(kLong, kLong, "--limit-samples", "2000", "--epochs", "1000", "--batch-delay-ms", "200");
  await ended.ended;
  await failed.ended;
  await known("shapes", "running", "several epochs", ({ epoch }) => epoch >= 5);
  for (let i = 0; i < 2; i++) await shapes("twin", "--epochs", "1000", "--batch-delay-ms", "200");
  const trainer = all(says("ALIVE"), curves, tiles);
  await shoot("loading-trainer", "#/trainer/shapes/running", shows("app"), { deaf: true });
  await shoot("running", "#/trainer/shapes/running", trainer);
  await shoot("viewer", "#/trainer/shapes/running", all(logIn, trainer, shows("only-looks")), { url: closedUrl });
  await shoot("viewer-overview", "#/", all(logIn, rows(6), click("select-all"), shows("bulk")), { url: closedUrl });
  await closed.stop();
  await shoot("twins", "#/trainer/shapes/twin", all(shows("twins"), curves, tiles));
  await shoot("tile", "#/trainer/shapes/running", all(trainer, click("freeze"), click("tile-spot"), shows("tile-dialog")));
  await shoot("help", "#/trainer/shapes/running", all(trainer, click("help"), shows("help-dialog")));
  await shoot("stopping", "#/trainer/shapes/running", all(trainer, click("stop"), shows("stop-confirm")));
  await shoot("nan", "#/trainer/shapes/diverged", all(shows("diverged"), curves));
  await shoot("alerts", "#/trainer/shapes/diverged", all(shows("diverged"), click("bell"), shows("alert")));
  await shoot("media", "#/trainer/media/t0", all(says("ALIVE"), shows("media-card"), lookAt("media")));
  await shoot("long-names", `#/trainer/${kLong}/${kLong}`, trainer);
  await shoot("ended", "#/trainer/shapes/ended", all(shows("summary"), curves));
  await shoot("failed", "#/trainer/shapes/failed", says("FAILED"));
  await shoot("compare", "#/compare?of=shapes/ended&of=shapes/running&of=shapes/diverged&value=batch_loss&value=epoch_loss", shows("compare-chart"));
  await order("shapes/running", "PAUSE_TRAINING");
  await shoot("paused", "#/trainer/shapes/running", all(says("PAUSED"), curves));
  await becomes("shapes", "stalled", "STALLED");
  await shoot("stalled", "#/trainer/shapes/stalled", says("STALLED"));
  media.process.kill("SIGKILL");
  await becomes("media", "t0", "DEAD");
  await shoot("dead", "#/trainer/media/t0", all(says("DEAD"), curves));
  await order("shapes/running", "RESUME_TRAINING");
  await shoot("overview", "#/", rows(6));
  await shoot("groups", "#/?group=run", all(rows(6), shows("group-row")));
  await shoot("selected", "#/", all(rows(6), click("select-all"), shows("bulk")));
  await order("shapes/running", "STOP_TRAINING");
  await running.ended;
  await shoot("stopped", "#/trainer/shapes/running", all(shows("summary"), curves));
  await nan.stop();
  await shoot("ended-at-nan", "#/trainer/shapes/diverged", all(shows("summary"), curves));
  await long.stop();
  if (wanted("crowd")) {
    const crowd = await loadgen("--run", "crowd", "--trainers", values.crowd, "--batch-rate", "1");
    await eventually("all of them", async () => (await (await fetch(`${bus.url}/api/trainers?limit=1`)).json()).total >= Number(values.crowd), kPatienceMs);
    await eventually("all at work", async () => (await (await fetch(`${bus.url}/api/trainers`)).json()).trainers.every(({ state }) => state !== "WAITING"), kPatienceMs);
    await shoot("crowd", "#/", rows(Number(values.crowd)));
    await crowd.stop();
  }
  await bus.broker.stop();
  await shoot("no-broker", "#/", all(shows("broker-banner"), shows("trainer-row")));
  await shoot("no-broker-trainer", "#/trainer/shapes/running", all(shows("broker-banner"), curves));
} finally {
  await browser.close();
  await bus.stop();
  rmSync(folders, { recursive: true, force: true });
}
console.log(`${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
