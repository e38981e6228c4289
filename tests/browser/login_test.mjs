// The page's login in a real browser: the address that logs in once, a password, what a viewer sees, and how a login ends.
// Ends with "N passed, M failed" and exit status 0 or 1.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bus } from "./bus.mjs";
import { barriers, launchBrowser, newPage } from "./browser.mjs";
import { makeCertificate } from "./certificate.mjs";
import { Program } from "./program.mjs";
import { Steps } from "./steps.mjs";

const steps = new Steps();
const folder = mkdtempSync(join(tmpdir(), "trainbus-login-"));
const stateDir = ["--state-dir", join(folder, "state")];
const bus = await Bus.start({ dashboard: stateDir });
const browser = await launchBrowser();

// The program beside the server: changes users, which the server sees.
async function dashboard(args, input = "") {
  const program = await Program.start("trainbus-dashboard", [...stateDir, "--listen", new URL(bus.url).host, ...args], { input });
  assert.equal(await program.ended, 0, program.lines.join("\n"));
  return program.lines.join("\n");
}

async function open(address) {
  const view = await newPage(browser, address);
  view.page.setDefaultTimeout(60_000);
  view.unexpected = () => view.complaints.filter((line) => !/status of 40[13]/.test(line));
  return view;
}

async function logIn(view, user, password) {
  await view.page.getByLabel("User").fill(user);
  await view.page.getByLabel("Password").fill(password);
  await view.page.locator("#by-password button").click();
}

const asksToLogIn = (view) => view.page.locator("#by-password").waitFor();
const whoAmI = (view) => view.at("log-out").textContent();

await dashboard(["user", "add", "alice", "--role", "viewer"], "password of alice\n");
await dashboard(["user", "add", "bob", "--role", "operator"], "password of bob\n");
await bus.run("trainbus-loadgen", ["--broker", bus.address, "--run", "r", "--trainers", "1", "--batch-rate", "5"]);

await steps.step("The printed address logs in once, and does not stay in the address bar", async () => {
  const printed = bus.dashboard.readyLine[1];
  const first = await open(printed);
  await first.at("trainer-row").waitFor();
  assert.doesNotMatch(first.page.url(), /token/);
  assert.equal(await first.page.evaluate(() => document.cookie), "", "scripts see no cookie");
  const second = await open(printed);
  await asksToLogIn(second);
  assert.match(await second.page.locator("#problem").textContent(), /used already/);
  for (const view of [first, second]) {
    assert.deepEqual(view.unexpected(), []);
    await view.close();
  }
});

await steps.step("trainbus-dashboard link prints another", async () => {
  const view = await open(await dashboard(["link"]));
  await view.at("trainer-row").waitFor();
  await view.close();
});

let alice;
await steps.step("A wrong password is told, the right one leads to the page", async () => {
  alice = await open(`${bus.url}/`);
  await asksToLogIn(alice);
  assert.deepEqual(await barriers(alice.page), []);
  await logIn(alice, "alice", "password of bob");
  await alice.page.getByText("wrong name or password").waitFor();
  await logIn(alice, "alice", "password of alice");
  await alice.at("trainer-row").waitFor();
  assert.match(await whoAmI(alice), /^alice/);
});

await steps.step("A viewer sees the trainer and no controls, and the API refuses what the page does not offer", async () => {
  await alice.page.goto(`${bus.url}/#/trainer/r/t0`);
  await alice.at("loss-chart").waitFor();
  for (const id of ["pause", "stop", "knobs"]) assert.equal(await alice.at(id).count(), 0, id);
  const command = () =>
    fetch("api/trainers/r/t0/commands", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"type":"STOP_TRAINING"}' }).then(({ status }) => status);
  assert.equal(await alice.page.evaluate(command), 403);
  assert.deepEqual(alice.unexpected(), []);
});

await steps.step("An operator sees them, and the record names who pressed", async () => {
  const bob = await open(`${bus.url}/#/trainer/r/t0`);
  await asksToLogIn(bob);
  await logIn(bob, "bob", "password of bob");
  await bob.at("pause").click();
  await bob.page.locator("[data-testid=command-status] [data-type=PAUSE_TRAINING][data-state=APPLIED]").first().waitFor();
  await alice.page.getByText(/dashboard:bob/).first().waitFor();
  await bob.close();
});

// Two steps, so that their times say which of both was slow.
await steps.step("Whose role changes is asked again at once", async () => {
  await dashboard(["user", "role", "alice", "operator"]);
  await asksToLogIn(alice);
});

await steps.step("After it the new role is there", async () => {
  await logIn(alice, "alice", "password of alice");
  await alice.at("resume").waitFor();
});

await steps.step("Logging out ends every page of this login", async () => {
  const other = await alice.page.context().newPage();
  await other.goto(`${bus.url}/`);
  await other.getByTestId("trainer-row").waitFor();
  await alice.at("log-out").click();
  await asksToLogIn(alice);
  await other.locator("#by-password").waitFor({ timeout: 60_000 });
});

await steps.step("Over TLS the browser keeps the cookie that is of this host alone", async () => {
  const { cert, key } = makeCertificate(folder);
  const secure = await bus.run("trainbus-dashboard", ["--listen", "127.0.0.1:0", "--state-dir", join(folder, "tls"), "--tls-cert", cert, "--tls-key", key, "--broker", bus.address], /open (https:\S+)/);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(secure.readyLine[1]);
  await page.getByTestId("trainer-row").waitFor({ timeout: 60_000 });
  const [cookie] = (await context.cookies()).filter(({ name }) => name.startsWith("__Host-"));
  assert.ok(cookie?.secure && cookie.httpOnly, JSON.stringify(cookie));
  await context.close();
});

await browser.close();
await bus.stop();
rmSync(folder, { recursive: true, force: true });
console.log(steps.summary());
process.exit(steps.failed > 0 ? 1 : 0);
