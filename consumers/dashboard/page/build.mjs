// Builds the page. `node build.mjs` writes static files to $PAGE_OUT (else dist/); `--generate` only turns the schema
// into TypeScript; `--test` bundles the tests. $PROTOC names another protoc.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const schema = resolve(here, "../../../proto");
const generated = join(here, "generated");

function generate() {
  mkdirSync(generated, { recursive: true });
  execFileSync(
    process.env.PROTOC ?? "protoc",
    [
      `-I${schema}`,
      `--plugin=protoc-gen-es=${join(here, "node_modules/.bin/protoc-gen-es")}`,
      `--es_out=${generated}`,
      "--es_opt=target=ts",
      "trainbus.proto",
    ],
    { stdio: "inherit" },
  );
}

const shared = { absWorkingDir: here, bundle: true, target: "es2022", logLevel: "warning" };

async function bundlePage(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const small = { ...shared, outdir: out, minify: true, legalComments: "none" };
  const { metafile } = await build({
    ...small,
    entryPoints: { app: "src/main.tsx", tiles: "src/tiles/worker.ts", style: "src/style.css", login: "src/login.css" },
    chunkNames: "part-[hash]",
    format: "esm",
    splitting: true,
    metafile: true,
    jsx: "automatic",
    jsxImportSource: "preact",
  });
  await build({ ...small, entryPoints: { first: "src/first.ts", login: "src/login_page.ts" }, format: "iife" });
  cpSync(join(here, "static"), out, { recursive: true });
  const parts = partsOf(metafile, out, "app.js").map((part) => `<link rel="modulepreload" href="${part}">`);
  writePage(out, "index", { title: "trainbus", style: "style.css", first: "first.js", more: [`<script type="module" src="app.js"></script>`, ...parts] });
  writePage(out, "login", { title: "Log in · trainbus", style: "login.css", first: "login.js", more: [] });
}

// What a script always needs beside itself: parts that it shares with others. They come with the script, not after it.
function partsOf({ outputs }, out, script) {
  const imports = outputs[relative(here, join(out, script))].imports;
  return imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => basename(path));
}

// All pages have one head. `first` is a script that runs before anything is painted.
function writePage(out, name, { title, style, first, more }) {
  const values = { title, style, first, more: more.map((line) => `    ${line}\n`).join("") };
  const text = (file) => readFileSync(join(here, "html", `${file}.html`), "utf8");
  const head = text("head").replace(/\{(\w+)\}/g, (_, value) => values[value]);
  writeFileSync(join(out, `${name}.html`), head + text(name));
}

async function bundleTests() {
  const out = join(generated, "test");
  rmSync(out, { recursive: true, force: true });
  const names = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...shared,
    entryPoints: names.map((name) => join("test", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
  });
}

generate();
if (process.argv.includes("--test")) await bundleTests();
else if (!process.argv.includes("--generate")) await bundlePage(resolve(process.env.PAGE_OUT ?? join(here, "dist")));
