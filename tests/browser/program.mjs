// A program of the project as a process of the test: started, read line by line, ended.
import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const binaries = resolve(process.env.TRAINBUS_BIN ?? join(here, "../../build/bin"));

const kStopMs = 20_000;
const kLogLines = 30;

export class Program {
  // Resolves when a line on stdout matches `ready`; rejects when the program ends before that, or after `limitMs`.
  // `input`: what it reads on stdin.
  static async start(name, args, { ready = null, limitMs = 60_000, input = "" } = {}) {
    const program = new Program(name, args, input);
    if (ready) program.readyLine = await program.waitForLine(ready, limitMs);
    return program;
  }

  constructor(name, args, input) {
    this.name = name;
    this.lines = [];
    this.watchers = new Set();
    this.process = spawn(join(binaries, name), args, { stdio: ["pipe", "pipe", "pipe"] });
    this.process.stdin.on("error", () => {}).end(input);  // it may have ended
    this.ended = new Promise((done) => {
      this.process.on("error", (error) => done(`did not start: ${error.message}`));
      this.process.on("close", (code, signal) => done(code ?? signal));
    });
    this.ended.then((code) => (this.code = code));
    for (const stream of [this.process.stdout, this.process.stderr]) this.read(stream);
  }

  read(stream) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        this.lines.push(line);
        for (const watcher of this.watchers) watcher(line);
      }
    });
  }

  waitForLine(pattern, limitMs) {
    return new Promise((done, fail) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.watchers.delete(watcher);
        settle(value);
      };
      const watcher = (line) => {
        const match = pattern.exec(line);
        if (match) finish(done, match);
      };
      const timer = setTimeout(() => finish(fail, this.problem(`no line like ${pattern}`)), limitMs);
      this.watchers.add(watcher);
      this.ended.then((code) => finish(fail, this.problem(`ended with ${code}`)));
      this.lines.forEach(watcher);
    });
  }

  problem(what) {
    return new Error(`${this.name}: ${what}\n${this.lines.slice(-kLogLines).join("\n")}`);
  }

  // Asks it to end, and kills it when it does not. Returns its exit status.
  async stop(signal = "SIGTERM") {
    if (this.code === undefined) this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill("SIGKILL"), kStopMs);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }
}
