// Runs the bundled tests with node's own runner, shows what failed, and ends with "N passed, M failed".
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const bundled = fileURLToPath(new URL("../generated/test", import.meta.url));
const files = readdirSync(bundled).map((name) => join(bundled, name));
const { stdout, status } = spawnSync(process.execPath, ["--test", "--test-reporter=tap", ...files], { encoding: "utf8" });
const count = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0);
if (status !== 0) process.stdout.write(stdout);
console.log(`${count("pass")} passed, ${count("fail")} failed`);
process.exit(status === 0 && count("pass") > 0 ? 0 : 1);
