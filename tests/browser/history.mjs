// How soon the page opens on runs that only PostgreSQL has (trainbus-dashboard --history).
//   tests/browser/run_story build history.mjs        [TRAINBUS_RUNS=10000]
// Makes a scratch server with so many ended trainers of 20 batches, two epochs and a named value each, and an empty
// broker. Prints one JSON object: until the dashboard has listed them, the first row of an overview in a new browser
// context (median and worst of 9), the first look at one trainer's curves, and the load average of the machine.
import { execFileSync, spawn } from "node:child_process";
import { chownSync, mkdirSync, readdirSync } from "node:fs";
import { loadavg } from "node:os";
import { Bus } from "./bus.mjs";
import { launchBrowser, newPage } from "./browser.mjs";
import { eventually } from "./steps.mjs";

const runs = Number(process.env.TRAINBUS_RUNS ?? 10_000);
const limitMs = 1000;

const fill = `
INSERT INTO trainbus.lives(site, run, trainer, incarnation)
  SELECT '', 'run' || g / 100, 't' || g, (1760000000000 + g) << 20 FROM generate_series(1, ${runs}) g;
INSERT INTO trainbus.heads SELECT '', kind, run, trainer, incarnation, sequence FROM trainbus.lives,
  (VALUES ('status', 2), ('batch', 20), ('epoch', 2)) k(kind, sequence);
INSERT INTO trainbus.status(site, run, trainer, incarnation, sequence, timestamp_ms, status, total_epochs, batches_per_epoch, model_name)
  SELECT '', run, trainer, incarnation, s, 1760000000000 + life * 1000 + s, CASE s WHEN 1 THEN 'TRAINING' ELSE 'COMPLETED' END,
         CASE s WHEN 1 THEN 2 END, CASE s WHEN 1 THEN 10 END, CASE s WHEN 1 THEN 'cnn' END
  FROM trainbus.lives, generate_series(1, 2) s;
INSERT INTO trainbus.batches(site, run, trainer, incarnation, sequence, timestamp_ms, step, epoch, batch_idx, batch_size, batch_loss, learning_rate)
  SELECT '', run, trainer, incarnation, s, 1760000000000 + life * 1000 + s, s, (s + 9) / 10, (s - 1) % 10, 32, 1.0 / s, 0.01
  FROM trainbus.lives, generate_series(1, 20) s;
INSERT INTO trainbus.epochs(site, run, trainer, incarnation, sequence, timestamp_ms, step, epoch, average_loss, validation_loss)
  SELECT '', run, trainer, incarnation, s, 1760000000000 + life * 1000 + s, s * 10, s, 1.0 / s, 0.9 / s
  FROM trainbus.lives, generate_series(1, 2) s;
INSERT INTO trainbus.scalars(site, run, trainer, incarnation, sequence, timestamp_ms, kind, step, epoch, name, value)
  SELECT '', run, trainer, incarnation, s, 1760000000000 + life * 1000 + s, 'batch', s, 1, 'grad_norm', 2.0 / s
  FROM trainbus.lives, generate_series(1, 20) s;
ANALYZE;`;

const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// On a socket in the folder, for whoever can reach that; as root the server refuses to run.
async function startServer(folder) {
  const version = readdirSync("/usr/lib/postgresql").at(-1);
  const programs = `/usr/lib/postgresql/${version}/bin`;
  let as = [];
  mkdirSync(folder);
  if (process.getuid() === 0) {
    const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, "postgres"]).toString()));
    chownSync(folder, uid, gid);
    execFileSync("chmod", ["711", `${folder}/..`]);
    as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
  }
  const [program, ...flags] = [...as, `${programs}/initdb`];
  execFileSync(program, [...flags, "-D", `${folder}/data`, "-U", "owner", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8"], { cwd: folder });
  const [server, ...more] = [...as, `${programs}/postgres`];
  const process_ = spawn(server, [...more, "-D", `${folder}/data`, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"], { cwd: folder, stdio: "ignore" });
  const ask = (sql) => execFileSync("psql", ["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", folder, "-U", "owner", "-d", "postgres"], { input: sql, stdio: ["pipe", "pipe", "ignore"] });
  await eventually("PostgreSQL serves", () => {
    try {
      return ask("SELECT 1");
    } catch {
      return false;
    }
  });
  return { ask, stop: () => process_.kill() };
}

const firstRow = () =>
  new Promise((done) => {
    (function look() {
      const shown = document.querySelector("[data-testid=trainer-row]");
      requestAnimationFrame(shown ? () => done(performance.now()) : look);
    })();
  });

const bus = await Bus.start();
const browser = await launchBrowser();
let server;
try {
  server = await startServer(`${bus.folder}/postgres`);
  const conninfo = `host=${bus.folder}/postgres user=owner dbname=postgres`;
  execFileSync(`${process.env.TRAINBUS_BIN}/trainbus-log`, ["--broker", bus.address, "--once", "--sink", `postgres:to=${conninfo}`]);
  server.ask(fill);
  await bus.dashboard.stop();
  const started = performance.now();
  await bus.startDashboard("127.0.0.1:0", ["--no-login", "--history", `postgres:${conninfo}`]);
  await eventually("all are listed", async () => (await (await fetch(`${bus.url}/api/trainers?limit=1`)).json()).total === runs);
  const listed = performance.now() - started;
  const opened = [];
  for (let i = 0; i < 9; i++) {
    const view = await newPage(browser, `${bus.url}/`);
    opened.push(await view.page.evaluate(firstRow));
    await view.close();
  }
  const asked = performance.now();
  const curve = await (await fetch(`${bus.url}/api/trainers/run1/t100/series?name=grad_norm`)).json();
  console.log(JSON.stringify({
    load_average: loadavg()[0], runs, listed_ms: listed, first_row_ms_median: middle(opened), first_row_ms_worst: Math.max(...opened),
    first_curve_ms: performance.now() - asked, points: curve.points.length,
  }, null, 2));
  if (curve.points.length !== 20 || middle(opened) > limitMs) process.exitCode = 1;
} finally {
  await browser.close();
  await bus.stop();
  server?.stop();
}
