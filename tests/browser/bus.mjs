// A broker and a dashboard on free ports of 127.0.0.1, with a state folder that goes away with them. $TRAINBUS_WWW_ROOT:
// a page just built, instead of the one in the program.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "./program.mjs";

export const pageFlags = process.env.TRAINBUS_WWW_ROOT ? ["--www-root", process.env.TRAINBUS_WWW_ROOT] : [];

export class Bus {
  static async start({ dashboard = ["--no-login"] } = {}) {
    const bus = new Bus();
    bus.folder = mkdtempSync(join(tmpdir(), "trainbus-browser-"));
    bus.programs = new Set();
    bus.broker = await bus.run("trainbus-broker", ["--listen", "tcp://127.0.0.1:*", "--state-dir", bus.folder], /listening on (tcp:\S+)/);
    bus.address = bus.broker.readyLine[1];
    await bus.startDashboard("127.0.0.1:0", dashboard);
    return bus;
  }

  async run(name, args, ready = null, input = "") {
    const program = await Program.start(name, args, { ready, input });
    this.programs.add(program);
    return program;
  }

  // `flags`: of who may.
  async startDashboard(listen, flags = ["--no-login"]) {
    this.dashboard = await this.run("trainbus-dashboard", ["--listen", listen, ...flags, ...pageFlags, "--broker", this.address], /open (https?:\S+)/);
    this.url = this.dashboard.readyLine[1].replace(/\/(\?.*)?$/, "");
  }

  async restartDashboard(whileAway) {
    const { host } = new URL(this.url);
    await this.dashboard.stop();
    await whileAway();
    await this.startDashboard(host);
  }

  train(name, args) {
    return this.run("trainbus-train", ["--broker", this.address, "--name", name, ...args]);
  }

  async trainer(run, name) {
    const { trainers } = await (await fetch(`${this.url}/api/trainers`)).json();
    return trainers.find((trainer) => trainer.run === run && trainer.trainer === name);
  }

  async stop() {
    await Promise.all([...this.programs].reverse().map((program) => program.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
