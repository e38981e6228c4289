// The page in a real browser on a real training: broker, trainer and dashboard are the built programs ($TRAINBUS_BIN,
// else build/bin). Screenshots go to $TRAINBUS_SHOTS; for the README's, $TRAINBUS_SHOTS_ACCURACY waits until the training is
// that good. Ends with "N passed, M failed" and exit status 0 or 1.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Bus, pageFlags } from "./bus.mjs";
import { barriers, desktop, launchBrowser, newPage, phone } from "./browser.mjs";
import { eventually, Steps } from "./steps.mjs";

const shots = process.env.TRAINBUS_SHOTS;
const run = "shapes";
const steps = new Steps();
const bus = await Bus.start();
const browser = await launchBrowser();
const { page, at, complaints } = await newPage(browser, `${bus.url}/`);
page.setDefaultTimeout(60_000);  // a hang, however busy the machine is

const textOf = async (id) => (await at(id).first().textContent()).trim();
const number = (text) => Number(text.replaceAll(",", ""));
const frames = async () => Number((await at("tiles-canvas").getAttribute("data-frames")) ?? 0);
const points = async () => Number(await at("loss-chart").getAttribute("data-points"));
const command = (type, state) => page.locator(`[data-testid=command-status] [data-type=${type}][data-state=${state}]`).first();

// A heartbeat after this call has come from the trainer: what it would have said before is here.
async function nextHeartbeat() {
  const age = async () => (await bus.trainer(run, "t0")).heartbeat_age_ms;
  let before = await age();
  await eventually("a heartbeat", async () => {
    const now = await age();
    const came = now < before;
    before = now;
    return came;
  });
}

async function shoot(name, viewport, colorScheme, path = `#/trainer/${run}/t0`) {
  const view = await newPage(browser, `${bus.url}/${path}`, { viewport, colorScheme });
  if (path.includes("trainer")) {
    await eventually("tiles on the screenshot", async () => Number(await view.at("tiles-canvas").getAttribute("data-frames")) > 20);
  }
  const overflow = await view.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
  assert.deepEqual(await barriers(view.page), [], `${name} for everybody`);
  if (shots) {
    mkdirSync(shots, { recursive: true });
    await view.page.screenshot({ path: join(shots, `${name}.png`) });
  }
  assert.deepEqual(view.complaints, []);
  await view.close();
}

await steps.step("While nobody trains, the page says how to begin", async () => {
  await at("empty").waitFor();
  assert.match(await textOf("empty"), new RegExp(`trainbus-train .*${bus.address}`));
});

let trainer;
await steps.step("A trainer that starts appears by itself, and a click opens it", async () => {
  trainer = await bus.train("t0", [
    "--dataset", "shapes", "--limit-samples", "8000", "--batches-per-epoch", "50", "--batch-size", "32", "--epochs", "1000", "--lr", "0.01",
    "--threads", "1", "--batch-delay-ms", "20",
  ]);
  await at("trainer-row").waitFor();
  assert.equal(await at("trainer-row").getAttribute("data-session"), `${run}/t0`);
  await at("trainer-row").click();
  await eventually("ALIVE", async () => (await textOf("state")) === "ALIVE");
});

await steps.step("Sixteen tiles change", async () => {
  await eventually("16 tiles", async () => (await at("tiles-canvas").getAttribute("data-tiles")) === "16");
  const first = { count: await frames(), picture: await at("tiles-canvas").screenshot() };
  await eventually("10 more batches drawn", async () => (await frames()) >= first.count + 10);
  assert.ok(!first.picture.equals(await at("tiles-canvas").screenshot()), "the picture is another");
});

await steps.step("The frame rates and the age of the data are on screen", async () => {
  await eventually("both rates", async () => number(await textOf("fps-trainer")) > 1 && number(await textOf("fps-page")) > 1);
  assert.match(await textOf("data-age"), /^\d+ ms$/);
  await at("event-log").scrollIntoViewIfNeeded();
  assert.ok(await at("fps-page").isVisible());
  await page.evaluate(() => scrollTo(0, 0));
});

await steps.step("Pause: the command is applied, the trainer is PAUSED and its loss stands still", async () => {
  await at("pause").click();
  await command("PAUSE_TRAINING", "APPLIED").waitFor();
  await eventually("PAUSED", async () => (await textOf("state")) === "PAUSED");
  await nextHeartbeat();
  const seen = async () => [await textOf("step"), await textOf("value-loss"), await points()];
  const before = await eventually("the last list has arrived", async () => {
    const [once, api] = [await seen(), await bus.trainer(run, "t0")];
    return number(once[0]) === api.step && once;
  });
  await nextHeartbeat();
  await nextHeartbeat();
  assert.deepEqual(await seen(), before);
  assert.equal(await textOf("tiles-note"), "trainer is paused");
});

await steps.step("Resume: it goes on", async () => {
  const before = number(await textOf("step"));
  await at("resume").click();
  await command("RESUME_TRAINING", "APPLIED").waitFor();
  await eventually("more steps", async () => number(await textOf("step")) > before + 5);
  assert.equal(await textOf("state"), "ALIVE");
});

await steps.step("A learning rate out of range is refused before it is sent, in the broker's words", async () => {
  await at("lr-input").fill("-1");
  await at("lr-apply").click();
  assert.equal(await textOf("lr-problem"), "learning rate must be a finite number above 0, got '-1'");
  const answer = await fetch(`${bus.url}/api/trainers/${run}/t0/commands`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ type: "CHANGE_LEARNING_RATE", value: "-1" }),
  });
  const { error } = await answer.json();
  assert.equal(answer.status, 400);
  assert.match(error, /learning rate must be a finite number above 0, got '-1'/);
});

await steps.step("A new learning rate is applied, marked, and in the next epoch's record", async () => {
  await at("lr-input").fill("0.02");
  await at("lr-apply").click();
  await command("CHANGE_LEARNING_RATE", "APPLIED").waitFor();
  assert.match(await command("CHANGE_LEARNING_RATE", "APPLIED").textContent(), /at step [\d,]+, 0\.01 → 0\.02/);
  await eventually("the event", async () => /Learning rate 0\.02 APPLIED 0\.01 → 0\.02/.test(await textOf("event-log")));
  const newest = page.locator("[data-testid=epoch-table] tbody tr").first();
  await eventually("an epoch with the new rate", async () => (await newest.locator("td").last().textContent()) === "0.02");
});

await steps.step("A value ten times away is asked about, Esc cancels, and nothing was sent", async () => {
  await at("lr-input").fill("0.9");
  await at("lr-apply").click();
  assert.match(await textOf("lr-question"), /0\.9 is 45 times more than 0\.02/);
  await page.keyboard.press("Escape");
  await at("lr-question").waitFor({ state: "detached" });
  assert.equal(await at("lr-input").inputValue(), "");
  assert.equal((await bus.trainer(run, "t0")).learning_rate, 0.02);
});

await steps.step("A drag zooms all charts of the steps, a double click shows everything again", async () => {
  const box = await page.locator("[data-testid=loss-chart] .u-over").boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.3, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, y, { steps: 5 });
  await page.mouse.up();
  await at("reset-zoom").waitFor();
  await page.locator("[data-testid=loss-chart] .u-over").dblclick();
  await at("reset-zoom").waitFor({ state: "detached" });
});

await steps.step("The cursor reads all charts at once, and a wheel zooms them; Esc shows everything again", async () => {
  const box = await page.locator("[data-testid=loss-chart] .u-over").boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
  // Both in one look: the training goes on, and with it what is under the cursor.
  const places = () =>
    page.evaluate(() => ["loss-chart", "lr-chart"].map((chart) => document.querySelector(`[data-testid=${chart}] [data-testid=place]`)?.textContent.trim()));
  await eventually("the same step under the cursor of both", async () => {
    const [loss, rate] = await places();
    return loss === rate && /^step [\d,]+$/.test(loss ?? "");
  });
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -300);
  await page.keyboard.up("Control");
  await at("reset-zoom").waitFor();
  assert.match(page.url(), /from=[\d.]+&to=[\d.]+/);
  await page.keyboard.press("Escape");
  await at("reset-zoom").waitFor({ state: "detached" });
});

await steps.step("The view is in the address: another browser shows the same", async () => {
  await at("x-mode").selectOption("epoch");
  await at("lr-chart").hover();
  await at("lr-chart").getByTestId("pin").click();
  await at("chart-search").fill("loss");
  const box = await page.locator("[data-testid=epoch-loss-chart] .u-over").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.keyboard.down("Alt");
  await page.mouse.wheel(0, -300);
  await page.keyboard.up("Alt");
  await at("epoch-loss-chart").getByText("reset y").waitFor();
  await at("worst-first").click();
  const other = await newPage(browser, await page.evaluate(() => location.href));
  await other.page.locator("[data-chart=epoch-loss]").waitFor();
  assert.equal(await other.at("x-mode").inputValue(), "epoch");
  assert.equal(await other.at("chart-search").inputValue(), "loss");
  assert.equal(await other.at("lr-chart").count(), 0, "it is not searched for");
  await other.at("epoch-loss-chart").getByText("reset y").waitFor();
  await eventually("the order of the tiles", async () => (await other.at("worst-first").getAttribute("aria-pressed")) === "true");
  await other.at("chart-search").fill("");
  await other.page.locator("[data-group=pinned] [data-chart=learning-rate]").waitFor();
  assert.deepEqual(other.complaints, []);
  await other.close();
  await at("epoch-loss-chart").getByText("reset y").click();
  await at("worst-first").click();
  assert.doesNotMatch(page.url(), /[?&](y|tile-order)=/);
  await at("chart-search").fill("");
  await at("x-mode").selectOption("step");
});

await steps.step("The edits of the run are a text, which is played on a trainer when its steps come", async () => {
  await at("schedule").locator("summary").click();
  await at("schedule-take").click();
  assert.match(await at("schedule-text").inputValue(), /^\d+ {2}set-lr {2}0\.01 -> 0\.02$/m);
  await at("schedule-text").fill("nonsense");
  assert.match(await textOf("schedule-problems"), /line 1: 'nonsense' is not a step/);
  assert.ok(await at("schedule-play").isDisabled());
  await at("pause").click();  // so that the step does not pass meanwhile
  await eventually("PAUSED", async () => (await bus.trainer(run, "t0")).state === "PAUSED");
  await nextHeartbeat();
  const { step } = await bus.trainer(run, "t0");
  await at("schedule-text").fill(`1  set-lr  0.03\n${step + 5}  set-lr  0.015`);
  await at("schedule-play").click();
  assert.match(await textOf("schedule-state"), /0 of 1 edits sent; next is Learning rate 0\.015/);
  await at("resume").click();
  await eventually("the edit", async () => (await bus.trainer(run, "t0")).learning_rate === 0.015);
  await eventually("all sent", async () => /1 of 1 edits sent/.test(await textOf("schedule-state")));
  await at("schedule").locator("summary").click();
});

await steps.step("The ledger says in words where every record is, and what the page costs", async () => {
  await at("ledger").locator("summary").click();
  await eventually("what the sums say", async () => /sums\s*(close: nothing|are open: )/.test(await textOf("ledger")));
  await eventually("the batches", async () => /batch\s*[\d,]+ produced, [\d,]+ in the journal/.test(await textOf("ledger")));
  await eventually("the cost of the tiles", async () => /\d a second, .*of tiles/.test(await textOf("costs")));
  await at("ledger").locator("summary").click();
});

await steps.step("Frozen, the tiles stand still; then they go on", async () => {
  await at("freeze").click();
  await eventually("no frame is drawn any more", async () => (await textOf("fps-page")) === "0");
  const frozen = await frames();
  const step = number(await textOf("step"));
  await eventually("the training goes on", async () => number(await textOf("step")) > step + 5);
  assert.equal(await frames(), frozen);
  const shown = await textOf("tiles-step");
  await at("tile-before").click();
  await eventually("the batch before", async () => (await textOf("tiles-step")) !== shown);
  await at("tile-after").click();
  await eventually("the first one again", async () => (await textOf("tiles-step")) === shown);
  await at("freeze").click();
  await eventually("new tiles", async () => (await frames()) > frozen);
});

await steps.step("A click enlarges a tile with all its scores; only wrong ones are shown when asked", async () => {
  await at("tile-spot").nth(2).click();
  await at("scores").locator("li").first().waitFor();
  await page.keyboard.press("Escape");
  await at("tile-dialog").waitFor({ state: "detached" });
  await at("wrong-only").click();
  const [right, all] = (await textOf("tiles-right")).match(/\d+/g).map(Number);
  await eventually("the wrong ones", async () => Number(await at("tiles-canvas").getAttribute("data-tiles")) === all - right);
  await at("wrong-only").click();
  await at("freeze").click();
  await eventually("16 tiles", async () => (await at("tiles-canvas").getAttribute("data-tiles")) === "16");
});

await steps.step("A lost connection is said, and made up for when the dashboard is back", async () => {
  const before = { step: number(await textOf("step")), points: await points() };
  await bus.restartDashboard(async () => {
    await at("lost-banner").waitFor();
    const age = await textOf("data-age");
    await eventually("the data grows older", async () => (await textOf("data-age")) !== age);
    assert.ok(await at("pause").isDisabled());
  });
  await at("lost-banner").waitFor({ state: "detached" });
  await eventually("newer steps", async () => number(await textOf("step")) > before.step);
  await eventually("the curve without a hole", async () => (await points()) > before.points);
  const drawn = await frames();
  await eventually("new tiles", async () => (await frames()) > drawn);
  const { points: curve } = await (await fetch(`${bus.url}/api/trainers/${run}/t0/series?name=batch_loss&max_points=100000`)).json();
  assert.deepEqual(curve.map(([x]) => x), curve.map((_, i) => i + 1), "every step once, in order");
});

await steps.step("Desktop and phone, light and dark: nothing is cut off", async () => {
  const good = async () => (await bus.trainer(run, "t0")).validation_accuracy >= Number(process.env.TRAINBUS_SHOTS_ACCURACY ?? 0);
  await eventually("a training worth a picture", good, 300_000);
  await shoot("trainer-light", desktop, "light");
  await shoot("trainer-dark", desktop, "dark");
  await shoot("phone-light", phone, "light");
  await shoot("phone-dark", phone, "dark");
  await shoot("overview-light", desktop, "light", "#/");
  await shoot("overview-phone", phone, "dark", "#/");
});

await steps.step("Stop asks first, ends the training, and the page sums it up", async () => {
  await at("stop").click();
  await at("stop-cancel").click();
  await at("stop").click();
  await at("stop-confirm").click();
  await eventually("STOPPED", async () => (await textOf("state")) === "STOPPED");
  assert.match(await textOf("summary"), /Training was stopped/);
  assert.equal(await trainer.ended, 0);
});

await steps.step("A loss that is NaN stands out, is alerted on, and is what its training ended at", async () => {
  await bus.run("trainbus-watch", ["--broker", bus.address]);
  const lost = await bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", "lost", "--batch-rate", "10", "--nan-every", "1"]);
  await page.goto(`${bus.url}/#/`);
  const row = page.locator("[data-testid=trainer-row].diverged");
  await row.waitFor();
  assert.equal(await row.getAttribute("data-session"), "lost/t0");
  await eventually("the alert", async () => (await at("bell").getAttribute("data-count")) === "1");
  await at("bell").click();
  await at("acknowledge").click();
  await eventually("nothing that calls", async () => (await at("bell").getAttribute("data-count")) === "0");
  await at("alert").getByRole("link").click();
  await at("diverged").waitFor();
  await lost.stop();
  await at("summary").waitFor();
  assert.match(await textOf("summary"), /at NaN.*loss is NaN since step 1/);
});

await steps.step("Two trainers are compared: their curves over one another, the best of each, and the settings that differ", async () => {
  await page.goto(`${bus.url}/#/`);
  await at("select-all").click();
  await at("compare-selected").click();
  await at("compare-chart").first().waitFor();
  assert.equal(await at("compare-item").count(), 2);
  await eventually("the losses of both", async () => /shapes\/t0.*lost\/t0|lost\/t0.*shapes\/t0/.test(await textOf("compare-chart")));
  await eventually("the table", async () => (await at("compare-table").locator("tbody tr").count()) === 2);
  assert.match(await textOf("differences"), /model/);
  await page.locator("[data-name=epoch_loss]").check();
  await page.locator("[data-testid=compare-chart][aria-label=epoch_loss]").waitFor();
  await at("compare-group").selectOption("run");
  await eventually("a mean of each run", async () => ((await textOf("compare-chart")).match(/mean of 1/g) ?? []).length === 2);
  assert.match(page.url(), /group=run/);
});

await steps.step("The list is grouped, and has a column of any value and any parameter", async () => {
  await page.goto(`${bus.url}/#/?group=run`);
  await eventually("two groups", async () => (await at("group-row").count()) === 2);
  await page.locator("[data-testid=group-row][data-group=lost] button").click();
  await eventually("a closed group", async () => (await at("trainer-row").count()) === 1);
  await page.goto(`${bus.url}/#/?col=parameter:optimizer`);
  await eventually("the parameter", async () => /optimizer\s*sgd/.test(await page.locator("[data-session='lost/t0']").textContent()));
});

await steps.step("Many are stopped at once after one question that names their number, and each answers for itself", async () => {
  const many = await bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", "many", "--trainers", "3", "--batch-rate", "5"]);
  await page.goto(`${bus.url}/#/?q=many`);
  await eventually("three rows", async () => (await at("trainer-row").count()) === 3);
  await at("select-all").click();
  await at("bulk-STOP_TRAINING").click();
  assert.equal(await textOf("bulk-confirm"), "Stop 3 trainers for good");
  await at("bulk-confirm").click();
  await eventually("three answers", async () => /3 applied/.test(await textOf("bulk-outcome")));
  assert.equal(await many.ended, 0);
});

await steps.step("Those that have ended are archived, found again and deleted", async () => {
  const order = async (name, outcome) => {
    await at("bulk-outcome").getByLabel("Close").click();
    await at("select-all").check();
    await at(`bulk-${name}`).click();
    await at("bulk-confirm").click();
    await eventually(outcome, async () => /3 applied/.test(await textOf("bulk-outcome")));
  };
  await eventually("all three have ended", async () => (await page.locator("[data-testid=trainer-row] :text-is('STOPPED')").count()) === 3);
  await order("ARCHIVE_HISTORY", "three archived");
  await eventually("they are out of the list", async () => (await at("trainer-row").count()) === 0);
  await page.goto(`${bus.url}/#/?q=many&only=archived`);
  await eventually("they are among the archived", async () => (await at("trainer-row").count()) === 3);
  await order("DELETE_HISTORY", "three deleted");
  await eventually("they are gone", async () => (await at("trainer-row").count()) === 0);
});

await steps.step("Several brokers are in one list, each with its state", async () => {
  const other = await Bus.start();
  const both = await bus.run("trainbus-dashboard", ["--listen", "127.0.0.1:0", "--no-login", ...pageFlags, "--broker", `lab=${bus.address}`, "--broker", `cluster=${other.address}`], /open (http:\S+)/);
  await other.run("trainbus-loadgen", ["--broker", other.address, "--run", "far", "--trainers", "1", "--batch-rate", "5", "--nan-every", "1"]);
  await other.run("trainbus-watch", ["--broker", other.address]);
  const view = await newPage(browser, both.readyLine[1]);
  const far = view.page.locator("[data-testid=trainer-row][data-session='at/cluster/far/t0']");
  await far.waitFor();
  assert.match(await far.textContent(), /cluster/);
  await view.page.locator("[data-testid=trainer-row][data-session='shapes/t0']").waitFor();
  await view.at("bell").click();
  const there = view.at("alert").getByRole("link", { name: "cluster: far/t0" });
  await there.waitFor();
  await there.click();
  await view.page.waitForURL(/at\/cluster\/#\/trainer\/far\//);
  await view.at("pause").click();
  await eventually("PAUSED", async () => (await view.at("state").first().textContent()) === "PAUSED");
  await view.page.goBack();
  await other.broker.stop();
  await eventually("its broker is away", async () => /its broker is away/.test(await view.page.locator("[data-site=cluster]").textContent()));
  assert.equal(await view.page.locator("[data-site=lab]").getAttribute("data-state"), "connected");
  assert.deepEqual(await barriers(view.page), []);
  assert.deepEqual(view.complaints, []);
  await view.close();
  await other.stop();
});

await steps.step("Nothing went wrong inside the page, and it asked nobody else for anything", async () => {
  assert.deepEqual(complaints, []);
});

if (steps.failed > 0 && shots) await page.screenshot({ path: join(shots, "failed.png") });
await browser.close();
await bus.stop();
console.log(steps.summary());
process.exit(steps.failed > 0 ? 1 : 0);
