// The pictures in docs/, of the programs as they are: real trainings, one of them diverged, one without a model that shows
// media. Takes some minutes, and a machine that has little else to do.
//   node docs_pictures.mjs [--accuracy 0.7]       the validation accuracy that the first training has reached by then
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Bus } from "./bus.mjs";
import { desktop, launchBrowser, newPage, phone } from "./browser.mjs";
import { eventually } from "./steps.mjs";

const { values } = parseArgs({ options: { accuracy: { type: "string", default: "0.7" } } });
const docs = resolve(dirname(fileURLToPath(import.meta.url)), "../../docs");
const kMostBytes = 200_000;
const kPatienceMs = 420_000;
const qualities = [0.9, 0.8, 0.7, 0.6];

const bus = await Bus.start();
const browser = await launchBrowser();
const converter = await (await browser.newContext()).newPage();

// As WebP, which Chromium itself makes, in the best quality that is small enough.
async function write(name, png) {
  for (const quality of qualities) {
    const url = await converter.evaluate(async ([data, asked]) => {
      const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
      const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
      canvas.getContext("2d").drawImage(picture, 0, 0);
      return canvas.toDataURL("image/webp", asked);
    }, [png.toString("base64"), quality]);
    const bytes = Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
    if (bytes.length > kMostBytes) continue;
    mkdirSync(dirname(join(docs, name)), { recursive: true });
    writeFileSync(join(docs, name), bytes);
    return console.log(`${name}: ${Math.round(bytes.length / 1000)} kB`);
  }
  throw new Error(`${name} is too large`);
}

async function shoot(name, path, ready, options = {}) {
  const view = await newPage(browser, `${bus.url}/${path}`, options);
  view.page.setDefaultTimeout(kPatienceMs);
  await ready(view);
  await view.page.waitForTimeout(1500);  // the pointer is nowhere, and what was clicked is drawn
  await write(name, await view.page.screenshot());
  await view.close();
}

const drawn = (atLeast) => ({ page }) => page.waitForFunction((least) => Number(document.querySelector("[data-testid=tiles-canvas]")?.dataset.frames ?? 0) > least, atLeast);
const train = (name, ...more) => bus.train(name, ["--run", "shapes", "--limit-samples", "8000", "--batches-per-epoch", "50", "--batch-size", "32", "--epochs", "400", "--threads", "1", ...more]);

try {
  await bus.run("trainbus-watch", ["--broker", bus.address]);
  await train("baseline", "--lr", "0.01", "--batch-delay-ms", "5", "--tag", "baseline", "--notes", "Small network, plain SGD.");
  await train("large-steps", "--lr", "0.03", "--batch-delay-ms", "20");
  await train("small-steps", "--lr", "0.003", "--batch-delay-ms", "20");
  await train("diverged", "--lr", "30", "--batch-delay-ms", "100");
  const load = (run, ...more) => bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", run, "--batch-rate", "10", "--epoch-every", "20", ...more]);
  await load("textures", "--trainers", "1", "--scalars", "8", "--media", "--tile-rate", "5", "--tile-size", "64");
  const dead = await load("sweep", "--trainers", "2");
  await load("sweep-2", "--trainers", "4");
  await eventually("a training worth a picture", async () => ((await bus.trainer("shapes", "baseline"))?.validation_accuracy ?? 0) >= Number(values.accuracy), kPatienceMs);
  await shoot("dashboard.webp", "#/trainer/shapes/baseline", drawn(20));
  await shoot("pictures/phone.webp", "#/trainer/shapes/baseline", drawn(20), { viewport: phone, colorScheme: "dark" });
  dead.process.kill("SIGKILL");
  await shoot("pictures/compare.webp", "#/compare?of=shapes/baseline&of=shapes/large-steps&of=shapes/small-steps&value=batch_loss&value=val/accuracy&x=epoch", async ({ page, at }) => {
    await at("compare-chart").nth(1).waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll("[data-testid=compare-chart]")].every(({ dataset }) => dataset.lines === "3"));
  });
  await shoot("pictures/media.webp", "#/trainer/textures/t0", async ({ page, at }) => {
    await at("media-card").nth(3).waitFor();
    await at("over-time").first().click();
    await at("media").evaluate((media) => scrollBy(0, media.getBoundingClientRect().top - 90));
    await page.mouse.move(0, 0);
  });
  await shoot("pictures/alerts.webp", "#/trainer/shapes/diverged", async ({ at }) => {
    await at("diverged").waitFor();
    await at("bell").click();
    await at("alert").first().waitFor();
  }, { colorScheme: "dark" });
  await eventually("a dead trainer", async () => (await bus.trainer("sweep", "t0"))?.state === "DEAD");
  await shoot("pictures/overview.webp", "#/", ({ at }) => at("trainer-row").nth(8).waitFor(), { viewport: desktop, colorScheme: "dark" });
} finally {
  await browser.close();
  await bus.stop();
}
