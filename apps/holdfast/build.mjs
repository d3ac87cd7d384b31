// @ts-check
/**
 * Bundles the program: `holdfast.cjs` (dispatcher and guard), `lock.cjs` (lock process), `storage.cjs` (strategies), `controller.cjs`
 * (the controller), `cli.cjs` (all other commands), and the licences of what was bundled. One file per process, because reading
 * a hundred modules costs more start time than the whole guard has.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { assertNotReached } from "./build/reached.mjs";
import { thirdPartyLicenses } from "./build/third-party-licenses.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Names in `dist/` and where they begin. */
const entryPoints = [
  { out: "holdfast", in: "src/main.ts" },
  { out: "lock", in: "src/lock/main.ts" },
  { out: "cli", in: "src/cli/main.ts" },
  { out: "storage", in: "src/storage/main.ts" },
  { out: "controller", in: "src/controller/main.ts" },
].filter((entry) => existsSync(join(root, entry.in)));

mkdirSync(dist, { recursive: true });
// Built beside and renamed: whoever starts the program meanwhile gets the old one or the new one, whole.
const made = mkdtempSync(join(dist, ".build-"));

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints,
  outdir: made,
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // Identifiers keep their names: stack traces stay readable and error names exact.
  minifySyntax: true,
  minifyWhitespace: true,
  charset: "ascii", // the single executable reads the bundles as one-byte strings
  legalComments: "none", // whole licences are collected below
  sourcemap: "external",
  sourcesContent: false,
  metafile: true,
  define: {
    HOLDFAST_VERSION: JSON.stringify(version),
    "import.meta.url": "__bundleUrl",
    "import.meta.filename": "__filename",
    "import.meta.dirname": "__dirname",
  },
  banner: { js: '"use strict";const __bundleUrl=require("node:url").pathToFileURL(__filename).href;' },
  logLevel: "warning",
});

// The guard holds the deadline: what it does not load can neither delay its start nor fail in it.
const madeHere = relative(root, made);
assertNotReached(metafile, `${madeHere}/holdfast.cjs`, [
  "zod",
  "commander",
  "yaml",
  "node-zookeeper-client",
  "execa",
  "fastify",
]);

// npm makes `bin` a link to this file, so it must be able to run by itself.
const program = join(made, "holdfast.cjs");
if (!readFileSync(program, "utf8").startsWith("#!/usr/bin/env node\n")) {
  throw new Error("src/main.ts must begin with the line #!/usr/bin/env node");
}
chmodSync(program, 0o755);

for (const name of readdirSync(made)) renameSync(join(made, name), join(dist, name));
rmSync(made, { recursive: true });
writeFileSync(join(dist, "meta.json"), JSON.stringify(metafile));
writeFileSync(join(dist, "THIRD-PARTY-LICENSES.txt"), thirdPartyLicenses(metafile, root));

const kib = (/** @type {number} */ bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
for (const [file, output] of Object.entries(metafile.outputs)) {
  if (file.endsWith(".cjs")) console.log(`${file.replace(madeHere, "dist").padEnd(20)} ${kib(output.bytes)}`);
}
