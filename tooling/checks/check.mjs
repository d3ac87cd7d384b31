// @ts-check
/**
 * `node tooling/checks/check.mjs [name…]`: everything that can be said about the code without running it. Each check runs
 * although an earlier one failed, so that one run shows all there is to repair.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./tree.mjs";

const CHECKS = ["typecheck", "lint", "arrows", "knip", "publint", "docs"];

const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : CHECKS;
const results = wanted.map((name) => {
  const command = scripts[`check:${name}`];
  if (command === undefined) throw new Error(`package.json has no script check:${name}`);
  console.log(`\n── ${name}: ${command}`);
  const startedAt = Date.now();
  const { status } = spawnSync("sh", ["-c", command], {
    cwd: repository,
    stdio: "inherit",
    env: { ...process.env, PATH: `${join(repository, "node_modules/.bin")}:${process.env.PATH}` },
  });
  return { name, ok: status === 0, seconds: (Date.now() - startedAt) / 1000 };
});

console.log("");
for (const { name, ok, seconds } of results) {
  console.log(`${ok ? "passed" : "FAILED"}  ${name.padEnd(10)} ${seconds.toFixed(1).padStart(6)} s`);
}
const passed = results.filter(({ ok }) => ok).length;
console.log(`${passed} passed, ${results.length - passed} failed`);
process.exitCode = passed === results.length ? 0 : 1;
