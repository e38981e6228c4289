// What a list of many trainers costs one browser: bytes from the server, the renderer's share of a core, frames while
// scrolling, and the longest task.
//   node crowd.mjs [--trainers 1000] [--rate 1] [--class-names 0] [--finished] [--seconds 10]
// Prints one JSON object, with the load average of the machine. Bytes are counted on the wire, by a proxy between the browser and the dashboard.
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Bus } from "./bus.mjs";
import { launchBrowser, newPage } from "./browser.mjs";
import { Link } from "./link.mjs";
import { eventually } from "./steps.mjs";

const { values } = parseArgs({
  options: {
    trainers: { type: "string", default: "1000" },
    rate: { type: "string", default: "1" },
    "class-names": { type: "string", default: "0" },
    finished: { type: "boolean", default: false },
    seconds: { type: "string", default: "10" },
  },
});
const wanted = Number(values.trainers);
const seconds = Number(values.seconds);
const kQuietMs = 1000;
const kPatienceMs = 10_000;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? null;

// Seconds of a core that the renderers have used.
async function rendererSeconds(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

// For so many seconds: frames a second and the longest task; scrolling up and down all the while where asked.
const watchFrames = (page, forMs, scroll) =>
  page.evaluate(([duration, scrolling]) => new Promise((done) => {
    let longest = 0;
    const observer = new PerformanceObserver((list) => list.getEntries().forEach((task) => (longest = Math.max(longest, task.duration))));
    observer.observe({ type: "longtask" });
    const began = performance.now();
    let frames = 0;
    let step = 40;
    (function frame() {
      const now = performance.now();
      frames++;
      if (scrolling) {
        const before = scrollY;
        scrollBy(0, step);
        if (scrollY === before) step = -step;
      }
      if (now - began < duration) return requestAnimationFrame(frame);
      observer.disconnect();
      done({ fps: (frames * 1000) / (now - began), longest_task_ms: longest });
    })();
  }), [forMs, scroll]);

// All trainers are in the list, and the page has done what it does once: a second passed without a long task. Beside a
// busy machine that second may never come.
const settled = (page) =>
  page.evaluate(([quietMs, patienceMs]) => new Promise((done) => {
    let timer = setTimeout(done, quietMs);
    new PerformanceObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(done, quietMs);
    }).observe({ type: "longtask" });
    setTimeout(done, patienceMs);
  }), [kQuietMs, kPatienceMs]);

const bus = await Bus.start();
const browser = await launchBrowser();
const proxy = new Link();
try {
  const url = await proxy.start(Number(new URL(bus.url).port));
  const load = await bus.run("trainbus-loadgen", [
    "--broker", bus.address, "--run", "crowd", "--trainers", values.trainers, "--batch-rate", values.rate,
    ...(values["class-names"] === "0" ? [] : ["--class-names", values["class-names"]]),
    ...(values.finished ? ["--seconds", "5"] : []),
  ]);
  const total = async () => (await (await fetch(`${bus.url}/api/trainers?limit=1`)).json()).total;
  await eventually(`${wanted} trainers`, async () => (await total()) >= wanted, 120_000).catch(async (error) => {
    throw new Error(`${error.message}: there are ${await total()}\n${load.lines.slice(-3).join("\n")}`);
  });
  if (values.finished) await load.ended;
  const { page, at } = await newPage(browser, url);
  await eventually("all in the list", async () => Number((await at("trainer-count").textContent()).replace(/\D/g, "")) >= wanted);
  await settled(page);
  const devtools = await browser.newBrowserCDPSession();
  const before = { bytes: proxy.bytes, cpu: await rendererSeconds(devtools) };
  await wait(seconds * 1000);
  const after = { bytes: proxy.bytes, cpu: await rendererSeconds(devtools) };
  // A loop of frames costs the renderer itself: it runs apart from the measurement of the rest.
  const still = [];
  for (let i = 0; i < 3; i++) still.push(await watchFrames(page, (seconds * 1000) / 3, false));
  const scrolled = [];
  for (let i = 0; i < 3; i++) scrolled.push(await watchFrames(page, (seconds * 1000) / 3, true));
  console.log(JSON.stringify({
    load_average: loadavg()[0],
    trainers: wanted, batches_per_second_each: values.finished ? 0 : Number(values.rate), class_names: Number(values["class-names"]), finished: values.finished,
    bytes_per_second: Math.round((after.bytes - before.bytes) / seconds), renderer_core_percent: Math.round(((after.cpu - before.cpu) / seconds) * 1000) / 10,
    longest_task_ms: Math.max(...still.map(({ longest_task_ms }) => longest_task_ms)),
    scrolling_fps: Math.round(median(scrolled.map(({ fps }) => fps)) * 10) / 10, scrolling_longest_task_ms: Math.max(...scrolled.map(({ longest_task_ms }) => longest_task_ms)),
    not_scrolling_fps: Math.round(median(still.map(({ fps }) => fps)) * 10) / 10,
  }, null, 2));
} finally {
  await browser.close();
  proxy.stop();
  await bus.stop();
}
