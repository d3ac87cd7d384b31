// @ts-check
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const LIMIT_MS = 30_000;
const METHODS =
  "observe attach detach fence unfence prepare check mount verify cut unmount release metrics proof placement plan";

/** An ES module that imports another one from beside it: neither is known to the executable. */
const FILES = {
  "node_modules/probe-type/package.json":
    '{ "name": "probe-type", "version": "1.0.0", "type": "module", "exports": "./i.js" }',
  "node_modules/probe-type/i.js": 'export const type = "probe";\n',
  "node_modules/probe/package.json":
    '{ "name": "probe", "version": "1.0.0", "type": "module", "exports": { "import": "./i.js" } }',
  "node_modules/probe/i.js": `import { type } from "probe-type";
const methods = Object.fromEntries("${METHODS}".split(" ").map((name) => [name, () => null]));
const strategy = {
  ...methods,
  apiVersion: 1,
  type,
  optionsSchema: { safeParse: (data) => ({ success: true, data }) },
  capabilities: () => ({ backend: "probe", mounts: true, declaredGrade: "lease-only" }),
  explain: () => ({ statements: ["loaded"], commands: {}, settings: [] }),
};
export const holdfastPlugin = { apiVersion: 1, strategies: [strategy] };
`,
  "service.yaml": `apiVersion: holdfast/v1
kind: Service
metadata: { name: probe }
spec:
  plugins: [{ package: probe, version: 1.0.0 }]
  engine: { type: process, command: [sleep, "1"] }
  storage: [{ strategy: probe, mountPath: /srv/probe }]
  resources: { cpus: 1, memMiB: 1 }
`,
};

/**
 * Fails unless the executable loads a plugin from an npm prefix, and says nothing else while it does.
 *
 * @param {string} file - The executable.
 * @param {string} work - An empty directory.
 */
export function assertLoadsPlugins(file, work) {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  const args = ["doctor", "-f", join(work, "service.yaml"), "--plugin-dir", work, "--json"];
  const { stdout, stderr, status } = spawnSync(file, args, { encoding: "utf8", cwd: "/", timeout: LIMIT_MS });
  if (status === 0 && stderr === "" && JSON.parse(stdout).strategies[0].strategy === "probe") return;
  throw new Error(`The executable does not load a plugin (${status}):\n${stdout}${stderr}`);
}
