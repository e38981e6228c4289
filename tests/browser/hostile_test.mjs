// What a trainer, a command or an alert says may be meant to be more than a text: markup, scripts, links, template braces,
// characters that turn the line around. In every view it is shown as it was said, nothing of it runs, and no element is
// made of it. Ends with "N passed, M failed" and exit status 0 or 1.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Bus } from "./bus.mjs";
import { launchBrowser, newPage } from "./browser.mjs";
import { eventually, Steps } from "./steps.mjs";

// 128 bytes at most are a name, without control characters; the trainer puts some into its content by itself.
const kText = `"'></b><script>xss=1</script><img src=x onerror=xss=1>{{7*7}}\${7*7}javascript:xss=1\u202egnp\u2066`;

const steps = new Steps();
const bus = await Bus.start();
const browser = await launchBrowser();
await bus.run("trainbus-watch", ["--broker", bus.address]);
const hostile = await bus.run("trainbus-hostile-trainer", [bus.address, "hostile", kText], /ready/);
assert.ok(!hostile.lines.some((line) => /refused/.test(line)), hostile.lines.join("\n"));
const shoot = process.env.TRAINBUS_SHOTS;

async function open(path) {
  const view = await newPage(browser, `${bus.url}/${path}`);
  view.page.setDefaultTimeout(60_000);
  view.page.on("dialog", (dialog) => view.complaints.push(`dialog: ${dialog.message()}`));
  view.page.on("request", (request) => {
    if (/\/x$/.test(new URL(request.url()).pathname)) view.complaints.push(`request to ${request.url()}`);
  });
  return view;
}

// Nothing ran, and what is on the page was made by the page.
async function harmless({ page, complaints }) {
  const found = await page.evaluate(() => {
    const problems = [];
    if (globalThis.xss !== undefined) problems.push("a script of it ran");
    for (const element of document.querySelectorAll("*")) {
      const name = element.localName;
      if (["iframe", "object", "embed", "base", "frame", "template"].includes(name)) problems.push(`<${name}>`);
      if (name === "script" && !/^(app|first|part-[A-Z0-9]+)\.js$/.test(element.getAttribute("src") ?? "")) problems.push(element.outerHTML);
      if (name === "img" && !/^(favicon\.svg$|api\/trainers\/hostile\/t0\/media\/[\d/-]+$)/.test(element.getAttribute("src") ?? "")) problems.push(element.outerHTML);
      for (const { name: attribute, value } of element.attributes) {
        if (attribute.startsWith("on")) problems.push(`${attribute} of ${element.outerHTML.slice(0, 100)}`);
        if (["href", "src", "action", "formaction", "xlink:href"].includes(attribute) && /^\s*(javascript|data|vbscript):/i.test(value)) problems.push(`${attribute}=${value}`);
      }
    }
    return [...new Set(problems)];
  });
  assert.deepEqual(found, []);
  assert.deepEqual(complaints, []);
}

// The whole text is inside this, as it was said.
const reads = (locator, what) =>
  eventually(`${what} says it literally`, async () => (await locator.first().textContent()).includes(kText));
const attribute = (locator, name, what) =>
  eventually(`${name} of ${what} says it literally`, async () => ((await locator.first().getAttribute(name)) ?? "").includes(kText));

let view;
const chart = () => view.page.locator("[data-group=group] [data-testid=value-chart]").first();
await steps.step("The list: model, any column, the head of a column, the filter, groups", async () => {
  view = await open(`#/?${new URLSearchParams([["col", "name"], ["col", "loss"], ["col", `parameter:${kText}`], ["col", "model"]])}`);
  const row = view.at("trainer-row");
  await row.waitFor();
  await reads(row.locator(".sub"), "the model");
  await reads(view.at(`sort-parameter:${kText}`), "a head");
  await eventually("the parameter", async () => (await row.textContent()).split(kText).length >= 4);
  await view.at("filter").fill(kText);
  await harmless(view);
  await view.at("filter").fill("");
  await view.page.goto(`${bus.url}/#/?${new URLSearchParams({ group: `parameter:${kText}` })}`);
  await reads(view.at("group-row"), "the head of a group");
  await harmless(view);
});

await steps.step("The trainer: status, settings, knobs, events, charts", async () => {
  await view.page.goto(`${bus.url}/#/trainer/hostile/t0`);
  await reads(view.page.locator(".headline .message"), "the status");
  assert.equal(await view.page.locator(".headline .message").evaluate((text) => getComputedStyle(text).unicodeBidi), "isolate", "it turns nothing around but itself");
  await reads(view.page.locator(".settings .notes"), "the notes");
  await reads(view.page.locator(".settings .tag"), "a tag");
  await reads(view.page.locator(".settings .pairs dt", { hasText: "xss" }), "the name of a setting");
  await reads(view.page.locator(".settings .pairs dd", { hasText: "xss" }), "a setting");
  await reads(view.at("knobs"), "a choice or unit of a knob");
  await reads(view.page.locator("[data-testid=event-log]"), "an event");
  await eventually("the issuer and the result of the command", async () => (await view.at("event-log").textContent()).split(kText).length > 3);
  await view.at("chart-search").fill("group/");
  await reads(chart().locator("h2"), "the title of a chart");
  await attribute(chart().locator(".plot"), "aria-label", "a chart");
  await view.at("chart-search").fill("");
  // A name with a '/' is a group and the rest.
  await eventually("the group", async () => (await view.page.locator(".group-head b").allTextContents()).includes(kText.split("/", 1)[0]));
  await harmless(view);
});

await steps.step("A chart under the cursor, its markers, and what is taken along of it", async () => {
  const loss = view.at("loss-chart");
  await loss.scrollIntoViewIfNeeded();
  const box = await loss.locator(".u-over").boundingBox();
  for (let i = 0; i <= 20; i++) await view.page.mouse.move(box.x + (box.width * i) / 20, box.y + box.height / 2);
  await view.at("chart-search").fill("group/");
  await chart().locator(".u-over").hover();
  await chart().getByTestId("chart-menu").click();
  const [file] = await Promise.all([view.page.waitForEvent("download"), chart().getByTestId("save-svg").click()]);
  await view.at("chart-search").fill("");
  const svg = readFileSync(await file.path(), "utf8");
  const parsed = await view.page.evaluate((text) => {
    const made = new DOMParser().parseFromString(text, "image/svg+xml");
    return { names: [...new Set([...made.querySelectorAll("*")].map(({ localName }) => localName))], text: made.documentElement.textContent };
  }, svg);
  assert.ok(parsed.text.includes(kText), "the drawing says it");
  for (const name of ["script", "img", "b", "parsererror"]) assert.ok(!parsed.names.includes(name), `<${name}> in the drawing`);
  await harmless(view);
});

await steps.step("Tiles and their scores, the confusion matrix, media", async () => {
  await attribute(view.at("tile-spot"), "aria-label", "a tile");
  await view.at("tile-spot").first().click();
  await reads(view.at("scores"), "a score");
  await harmless(view);
  await view.page.keyboard.press("Escape");
  await view.page.locator(".confusion header button").first().click();
  await reads(view.page.locator(".confusion"), "the matrix");
  for (const type of ["text", "table", "images", "histogram"]) {
    const card = view.page.locator(`[data-testid=media-card][data-type=${type}]`).first();
    await card.scrollIntoViewIfNeeded();
    await reads(card.locator("h2"), `the name of a ${type}`);
    if (type !== "histogram") await reads(card.locator(".media-body"), `a ${type}`);
  }
  const text = await view.page.locator("[data-type=text] pre").textContent();
  assert.ok(text.startsWith(kText) && text.includes("\x07\x1b[31m\x01"), "control characters are what was said, and do nothing");
  await harmless(view);
});

await steps.step("Alerts, commands and how they end, copy-as, schedule, ledger, title", async () => {
  await view.page.evaluate(() => scrollTo(0, 0));
  await view.at("bell").click();
  await eventually("rule and message", async () => (await view.at("alert-list").textContent()).split(kText).length >= 3);
  await harmless(view);
  await view.page.keyboard.press("Escape");
  const knobs = view.at("knobs");
  await knobs.getByRole("button", { name: "action" }).click();
  await reads(view.page.locator("[data-testid=command-status] li", { hasText: "xss" }), "what came of a command");
  await view.at("schedule").locator("summary").click();
  await view.at("schedule-take").click();
  await eventually("the edits of the run", async () => (await view.at("schedule-text").inputValue()).length > 0);
  await view.at("ledger").locator("summary").click();
  await view.at("costs").first().waitFor();
  assert.equal(await view.page.title(), "hostile/t0 · trainbus");
  await view.page.keyboard.press("?");
  await view.at("help-dialog").waitFor();
  await harmless(view);
  await view.page.keyboard.press("Escape");
});

await steps.step("Names in the address are not trusted, nor is what is compared", async () => {
  const view = new URLSearchParams({ q: kText, pin: kText, full: kText, tiles: kText, size: `2x200:${kText}`, closed: kText, order: kText });
  for (const path of [`#/trainer/${encodeURIComponent(kText)}/${encodeURIComponent(kText)}`, "#/trainer/hostile/t0"]) {
    const names = await open(`${path}?${view}`);
    await names.page.locator("[data-testid=trainer-count], [data-testid=board]").first().waitFor();  // no such names can be: then the list is there
    await harmless(names);
    await names.close();
  }
  const compare = await open(`#/compare?${new URLSearchParams([["of", "hostile/t0"], ["of", kText], ["value", kText], ["value", `group/${kText}`], ["group", kText]])}`);
  await compare.at("compare-chart").first().waitFor();
  await reads(compare.page.locator("[data-testid=compare-chart] h2", { hasText: "xss" }), "the title of a chart");
  await reads(compare.page.locator(".compare-values"), "the list of values");
  await reads(compare.at("compare-group"), "a group");
  await harmless(compare);
  await compare.close();
});

await steps.step("Its end, and why", async () => {
  await hostile.stop();
  await reads(view.at("summary"), "the reason");
  await harmless(view);
  await view.page.goto(`${bus.url}/#/`);
  await view.at("trainer-row").waitFor();
  await harmless(view);
});

if (steps.failed > 0 && shoot) await view.page.screenshot({ path: `${shoot}/hostile.png` });
await browser.close();
await bus.stop();
console.log(steps.summary());
process.exit(steps.failed > 0 ? 1 : 0);
