// Debian's Chromium, headless, and pages in it that tell what went wrong inside.
import { chromium } from "playwright-core";

const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export function launchBrowser() {
  return chromium.launch({ executablePath: process.env.TRAINBUS_CHROMIUM ?? "/usr/bin/chromium", args: flags });
}

export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

// The page's own errors, refusals of the content security policy and requests to anywhere else land in `complaints`.
export async function newPage(browser, url, { viewport = desktop, colorScheme = "light" } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: viewport === phone ? 2 : 1 });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/net::ERR_|WebSocket connection/.test(message.text())) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== new URL(url).host) complaints.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  const at = (id) => page.getByTestId(id);
  return { page, at, complaints, close: () => context.close() };
}
