// What the page loads only when somebody looks: views and media; and where it leaves them room. Real programs; ends with
// "N passed, M failed" and exit status 0 or 1.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Bus } from "./bus.mjs";
import { barriers, launchBrowser, newPage, phone } from "./browser.mjs";
import { eventually, Steps } from "./steps.mjs";

const steps = new Steps();
const bus = await Bus.start();
const browser = await launchBrowser();
const load = await bus.run("trainbus-loadgen", [
  "--broker", bus.address, "--run", "parts", "--batch-rate", "20", "--epoch-every", "5", "--scalars", "12", "--media",
]);
const trainer = "#/trainer/parts/t0";

async function open(path, prepare = async () => {}) {
  const view = await newPage(browser, "about:blank");
  view.page.setDefaultTimeout(60_000);
  await prepare(view.page);
  await view.page.goto(`${bus.url}/${path}`);
  return view;
}

// The parts that the list needs are named in the page itself; the others belong to the views.
const named = new Set((await (await fetch(`${bus.url}/`)).text()).match(/part-[A-Z0-9]+\.js/g));
const ofViews = (url) => /\/part-/.test(url.pathname) && !named.has(url.pathname.slice(1));

await steps.step("The list is there before the views, which are loaded when they are opened", async () => {
  let release;
  const held = new Promise((done) => (release = done));
  const view = await open("#/", (page) => page.route(ofViews, async (route) => held.then(() => route.continue())));
  await view.at("trainer-row").click();
  await view.page.getByText("Loading…", { exact: true }).waitFor();
  release();
  await view.at("loss-chart").waitFor();
  await view.close();
});

await steps.step("A view that does not load says so, and comes with a page loaded anew", async () => {
  const view = await open(trainer, (page) => page.route(ofViews, (route) => route.abort()));
  await view.page.getByText("This part of the page did not load").waitFor();
  assert.deepEqual(await barriers(view.page), []);
  await view.page.unroute(ofViews);
  await view.page.getByRole("button", { name: "Load the page anew" }).click();
  await view.at("loss-chart").waitFor();
  await view.close();
});

await steps.step("A histogram is shown over time, a column for each step", async () => {
  const view = await open(trainer);
  const card = view.page.locator("[data-testid=media-card][data-type=histogram]");
  await eventually("several steps", async () => Number(await card.locator("[data-testid=media-slider]").getAttribute("max").catch(() => 0)) >= 3);
  await card.locator("[data-testid=over-time]").click();
  const picture = card.getByRole("img", { name: /^Histogram over time: [\d,]+ steps from [\d,]+ to [\d,]+/ });
  await eventually("what is under the pointer", async () => await picture.hover() ?? /step [\d,]+: [\d.]+ % from \S+ to \S+/.test(await card.textContent()));
  await eventually("a column for each", async () => (await picture.evaluate((canvas) => canvas.width)) >= 3);
  assert.deepEqual(await barriers(view.page), []);
  await view.close();
});

await steps.step("Every kind of chart can be taken along: its points, a drawing, and a picture with the names of its lines", async () => {
  const view = await open(trainer);
  const take = async (chart, what) => {
    await view.at(chart).first().getByTestId("chart-menu").click();
    const [file] = await Promise.all([view.page.waitForEvent("download"), view.at(chart).first().getByTestId(what).click()]);
    return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
  };
  for (const chart of ["loss-chart", "epoch-loss-chart", "accuracy-chart", "lr-chart", "value-chart"]) {
    await view.at(chart).first().waitFor();
    const svg = (await take(chart, "save-svg")).bytes.toString();
    assert.match(svg, /^<svg [^]*<path d="M[\d. L]+"[^]*<\/svg>$/, `${chart} as a drawing`);
    assert.ok((svg.match(/text-anchor="end"/g) ?? []).length >= 2, `${chart} has a y axis`);
  }
  assert.match((await take("loss-chart", "save-csv")).bytes.toString(), /^step,batch\n1,[\d.]+\n2,/);
  const { name, bytes } = await take("loss-chart", "save-png");
  assert.equal(name, "Loss-per-batch.png");
  assert.deepEqual([...bytes.subarray(1, 4)], [..."PNG"].map((letter) => letter.charCodeAt(0)));
  assert.deepEqual(view.complaints.filter((line) => !line.startsWith("request to")), []);
  await view.close();
});

await steps.step("Two fingers on a chart zoom x where they lie beside one another, and y where above; one scrolls the page", async () => {
  const view = await newPage(browser, `${bus.url}/${trainer}`, { viewport: phone, hasTouch: true });
  view.page.setDefaultTimeout(60_000);
  const chart = view.page.locator("[data-testid=loss-chart] .u-over");
  await view.at("board").evaluate((board) => board.scrollIntoView());
  await chart.waitFor();
  await chart.evaluate((area) => area.scrollIntoView({ block: "center" }));
  const devtools = await view.page.context().newCDPSession(view.page);
  const touch = (type, places) => devtools.send("Input.dispatchTouchEvent", { type, touchPoints: places.map(([x, y], id) => ({ x, y, id })) });
  // From `near` to `far` pixels apart, around the middle of the chart.
  const pinch = async (near, far, vertical) => {
    const { x, y, width, height } = await chart.boundingBox();
    const places = (apart) => [-1, 1].map((side) => [x + width / 2 + (vertical ? 0 : (side * apart) / 2), y + height / 2 + (vertical ? (side * apart) / 2 : 0)]);
    await touch("touchStart", places(near));
    for (let i = 1; i <= 8; i++) await touch("touchMove", places(near + ((far - near) * i) / 8));
    await touch("touchEnd", []);
  };
  const range = () => new URLSearchParams(view.page.url().split("?")[1] ?? "");
  await pinch(60, 240, false);
  await view.at("reset-zoom").waitFor();
  const [from, to] = ["from", "to"].map((end) => Number(range().get(end)));
  const last = Number((await view.at("step").textContent()).replaceAll(",", ""));
  assert.ok(to - from > last / 12 && to - from < last / 2, `a quarter of ${last} steps: ${from} to ${to}`);
  await pinch(240, 60, false);
  await eventually("wider again", async () => Number(range().get("to")) - Number(range().get("from")) > 2 * (to - from));
  assert.equal(range().get("y"), null);
  await pinch(40, 120, true);
  await eventually("a range of y", async () => /^-?[\d.e-]+\.\.[\d.e-]+:loss$/.test(range().get("y") ?? ""));
  const scrolled = () => view.page.evaluate(() => scrollY);
  const before = await scrolled();
  const { x, y, width, height } = await chart.boundingBox();
  await touch("touchStart", [[x + width / 2, y + height - 20]]);
  for (let i = 1; i <= 8; i++) await touch("touchMove", [[x + width / 2, y + height - 20 - 20 * i]]);
  await touch("touchEnd", []);
  await eventually("the page scrolls", async () => (await scrolled()) > before + 60);
  assert.deepEqual(view.complaints, []);
  await view.close();
});

await steps.step("Of an ended training the curve is in the first window, and the shorter column leaves no blank", async () => {
  await load.stop();
  const view = await open(trainer);
  await view.at("summary").waitFor();
  await view.at("loss-chart").waitFor();
  const chart = await view.at("loss-chart").boundingBox();
  assert.ok(chart.y + chart.height <= 900, `the chart ends at ${chart.y + chart.height}`);
  const ends = () =>
    view.page.evaluate(() => {
      scrollTo(0, document.body.scrollHeight);  // which grows while charts and media come
      return [...document.querySelectorAll(".column")].map((column) => column.getBoundingClientRect().bottom);
    });
  await eventually("the end of both is in the window", async () => (await ends()).every((bottom) => bottom > 300 && bottom <= 900));
  await view.close();
});

await steps.step("A restart leaves what was on screen behind the new curve, and each incarnation is there by itself", async () => {
  const begin = () => bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", "twice", "--batch-rate", "20"]);
  const first = await begin();
  const view = await open("#/trainer/twice/t0");
  const points = async () => Number(await view.at("loss-chart").getAttribute("data-points"));
  await eventually("a curve", async () => (await points()) > 30);
  await first.stop();
  assert.equal(await view.at("incarnations").count(), 0);
  const second = await begin();
  await view.at("incarnations").waitFor();
  await eventually("the old one behind it", async () => (await view.at("loss-chart").getAttribute("data-lines")) === "2");
  assert.match(await view.at("loss-chart").locator(".plot").getAttribute("aria-label"), /batch @[0-9a-f]{5} [\d.]+ at step \d+/);
  await second.stop();
  await view.at("summary").waitFor();
  await view.at("earlier").click();
  await eventually("the new one alone", async () => (await view.at("loss-chart").getAttribute("data-lines")) === "1");
  await view.at("earlier").click();
  await view.at("incarnations").click();
  await eventually("both are compared", async () => (await view.at("compare-item").count()) === 2);
  await eventually("both curves", async () => (await view.at("compare-chart").first().getAttribute("data-lines")) === "2");
  await view.close();
});

await browser.close();
await bus.stop();
console.log(steps.summary());
process.exit(steps.failed > 0 ? 1 : 0);
