// @ts-check
/**
 * `node tooling/checks/docs.mjs`: every link in the documentation leads somewhere, every example marked `test` runs, and
 * the generated pages say what the code says. Needs the build.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { outdatedPages } from "../docs/generate.mjs";
import { runSession, sessionsOf } from "./docs-examples.mjs";
import { startLocalRegistry } from "./local-registry.mjs";
import { anchors, codeBlocks, links } from "./markdown.mjs";
import { filesBelow, repository } from "./tree.mjs";

const pages = [
  ...["README.md", "CONTRIBUTING.md"].filter((path) => existsSync(join(repository, path))),
  ...["docs", "packages", "apps", "tooling"].flatMap((folder) => filesBelow(folder, /\.md$/)),
].filter((path) => !path.endsWith("CHANGELOG.md"));
const textOf = (/** @type {string} */ path) => readFileSync(join(repository, path), "utf8");

/** @type {string[]} */
const problems = [];
let linkCount = 0;
let exampleCount = 0;

for (const path of await outdatedPages()) problems.push(`${path}: not what the code says; run pnpm fix`);

for (const page of pages) {
  const text = textOf(page);
  for (const { target, line } of links(text)) {
    linkCount += 1;
    const problem = whyBroken(page, target);
    if (problem !== undefined) problems.push(`${page}:${line}: ${target}: ${problem}`);
  }
  for (const session of sessionsOf(codeBlocks(text))) {
    exampleCount += session.length;
    const found = await runWithNpm(page, session);
    if (found !== undefined) problems.push(`${page}:${found.line}: ${found.problem}`);
  }
}

for (const problem of problems) console.error(problem);
console.log(
  `docs: ${pages.length} pages, ${linkCount} links, ${exampleCount} examples run, ${problems.length} problems`,
);
process.exitCode = problems.length > 0 ? 1 : 0;

/**
 * Examples marked `npm` find our packages in a registry of their own.
 *
 * @param {string} page
 * @param {import("./markdown.mjs").CodeBlock[]} session
 */
async function runWithNpm(page, session) {
  if (!session.some(({ flags }) => flags.includes("npm"))) return runSession(page, session);
  const registry = await startLocalRegistry();
  try {
    return await runSession(page, session, registry.url);
  } finally {
    await registry.close();
  }
}

/**
 * Pages elsewhere are not asked for: a check must give the same answer tomorrow.
 *
 * @param {string} page
 * @param {string} target
 * @returns {string | undefined}
 */
function whyBroken(page, target) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [path = "", anchor] = target.split("#", 2);
  const file = path === "" ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  if (file.startsWith("..")) return "leads out of the repository";
  if (!existsSync(join(repository, file))) return "no such file";
  if (anchor === undefined || !file.endsWith(".md") || statSync(join(repository, file)).isDirectory()) return undefined;
  return anchors(textOf(file)).has(decodeURIComponent(anchor)) ? undefined : `no such heading in ${file}`;
}
