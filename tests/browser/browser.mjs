// Debian's Chromium, headless, and pages in it that tell what went wrong inside.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export function launchBrowser() {
  return chromium.launch({ executablePath: process.env.TRAINBUS_CHROMIUM ?? "/usr/bin/chromium", args: flags });
}

export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };
const kLeastTarget = 44;

// The page's own errors, refusals of the content security policy and requests to anywhere else land in `complaints`.
// `deaf`: its WebSockets are never answered.
export async function newPage(browser, url, { viewport = desktop, colorScheme = "light", deaf = false, hasTouch = false } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, hasTouch, deviceScaleFactor: viewport === phone ? 2 : 1 });
  const page = await context.newPage();
  if (deaf) await page.routeWebSocket(/./, () => {});
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/net::ERR_|WebSocket connection/.test(message.text())) complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== new URL(url).host) complaints.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  const at = (id) => page.getByTestId(id);
  return { page, at, complaints, close: () => context.close() };
}

// What axe-core finds wrong for who cannot see, or uses no mouse; a line each.
export async function barriers(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

// What is to be pressed and is less than 44 pixels high or wide, and no link in a sentence: fingers miss it. A line each.
export function smallTargets(page) {
  return page.evaluate((least) => {
    const found = [];
    for (const element of document.querySelectorAll("button, select, summary, input, a.button, .chip")) {
      const target = element.closest("label") ?? element;
      const { width, height } = target.getBoundingClientRect();
      const seen = element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && width > 0;
      if (seen && (width < least || height < least)) found.push(`${Math.round(width)}×${Math.round(height)}: ${element.outerHTML.slice(0, 120)}`);
    }
    return found;
  }, kLeastTarget);
}
