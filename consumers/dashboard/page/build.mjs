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
  const { metafile } = await build({
    ...shared,
    entryPoints: { app: "src/main.tsx", tiles: "src/tiles/worker.ts", style: "src/style.css" },
    outdir: out,
    chunkNames: "part-[hash]",
    format: "esm",
    splitting: true,
    metafile: true,
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
  });
  cpSync(join(here, "static"), out, { recursive: true });
  preload(partsOf(metafile, out, "app.js"), join(out, "index.html"));
}

// What a script always needs beside itself: parts that it shares with others.
function partsOf({ outputs }, out, script) {
  const imports = outputs[relative(here, join(out, script))].imports;
  return imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => basename(path));
}

// They come with the script, not after it.
function preload(parts, html) {
  const links = parts.map((part) => `    <link rel="modulepreload" href="${part}">\n`);
  writeFileSync(html, readFileSync(html, "utf8").replace("  </head>", `${links.join("")}  </head>`));
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
