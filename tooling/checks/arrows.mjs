// @ts-check
/**
 * `node tooling/checks/arrows.mjs`: imports between packages point one way only:
 *
 *   apps → plugins → coordination, supervisor, API clients → effects → core
 *
 * Looks at the import statements and at each package.json, because a dependency that is declared is one that the next
 * change will use. The linter's import rules cannot express this: they know neither manifests nor "inside this package".
 */
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { filesBelow, manifestsIn, repository } from "./tree.mjs";

const FOUNDATION = ["core", "effects"];
const MIDDLE = ["coordination", "supervisor", "marathon", "mesos"];
const PLUGIN = /^(storage|engine|orchestrator)-|^(backup|monitoring)$/;

/** What a package's sources may import of ours; `undefined`: everything in `packages/`. */
const MAY_IMPORT = /** @type {const} */ ({
  core: [],
  effects: ["core"],
  middle: FOUNDATION,
  plugin: [...FOUNDATION, ...MIDDLE],
  testkit: [...FOUNDATION, ...MIDDLE],
  app: undefined,
});

/**
 * @typedef {object} SourceFile
 * @property {string} path - From the root of the repository, with slashes.
 * @property {string} text
 */

/**
 * @typedef {object} Manifest
 * @property {string} path
 * @property {{ name: string, dependencies?: object, peerDependencies?: object, optionalDependencies?: object, devDependencies?: object }} content
 */

/**
 * @param {readonly SourceFile[]} files
 * @param {readonly Manifest[]} manifests
 * @returns {string[]} one line per violation
 */
export function findViolations(files, manifests) {
  const directoryOf = new Map(manifests.map(({ path, content }) => [content.name, dirname(path)]));
  return [
    ...files.flatMap((file) => violationsOfFile(file, directoryOf)),
    ...manifests.flatMap((manifest) => violationsOfManifest(manifest, directoryOf)),
  ];
}

/**
 * @param {SourceFile} file
 * @param {Map<string, string>} directoryOf
 */
function violationsOfFile(file, directoryOf) {
  const home = file.path.split("/").slice(0, 2).join("/");
  const inTests = /\.(test|fixture)\.m?ts$|^[^/]+\/[^/]+\/(test|examples|native\/test)\//.test(file.path);
  const mayUseTestkit = inTests || file.path.startsWith("apps/holdfast/src/dev/");
  return importsOf(file.text).flatMap((specifier) => {
    if (specifier.startsWith(".")) {
      const target = normalize(join(dirname(file.path), specifier));
      return target.startsWith(`${home}/`) ? [] : [`${file.path}: ${specifier} leaves the package; import it by name`];
    }
    if (home === "packages/core" && !inTests && specifier.startsWith("node:")) {
      return [`${file.path}: core does no I/O and must not import ${specifier}`];
    }
    const target = directoryOf.get(packageName(specifier));
    const reason = target === undefined ? undefined : whyForbidden(home, target, mayUseTestkit);
    return reason === undefined ? [] : [`${file.path}: ${specifier}: ${reason}`];
  });
}

/**
 * @param {Manifest} manifest
 * @param {Map<string, string>} directoryOf
 */
function violationsOfManifest({ path, content }, directoryOf) {
  const home = dirname(path);
  const { dependencies, peerDependencies, optionalDependencies, devDependencies } = content;
  const declared = [
    ...Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }).map((name) => ({
      name,
      dev: false,
    })),
    ...Object.keys(devDependencies ?? {}).map((name) => ({ name, dev: true })),
  ];
  return declared.flatMap(({ name, dev }) => {
    const target = directoryOf.get(name);
    if (target === undefined || (dev && target === "tooling/tsconfig")) return [];
    const reason = whyForbidden(home, target, dev);
    return reason === undefined ? [] : [`${path}: ${name}: ${reason}`];
  });
}

/**
 * @param {string} home - Directory of the importing package.
 * @param {string} target - Directory of the imported one.
 * @param {boolean} mayUseTestkit
 * @returns {string | undefined}
 */
function whyForbidden(home, target, mayUseTestkit) {
  if (home === target || home.startsWith("tooling/")) return undefined;
  // A double is never the product: tests use it, and `holdfast dev` (as the testkit).
  if (target === "tooling/marathon-sim" && mayUseTestkit) return undefined;
  if (target.startsWith("tooling/")) return "nothing in packages/ or apps/ uses the tooling";
  // `holdfast controller` is a command of the one executable (ADR 9).
  if (home === "apps/holdfast" && target === "apps/controller") return undefined;
  if (target.startsWith("apps/")) return "nothing imports an app";
  if (target === "packages/testkit") {
    return mayUseTestkit ? undefined : "only tests and `holdfast dev` use the testkit";
  }
  const kind = kindOf(home);
  const allowed = MAY_IMPORT[kind];
  const name = target.slice("packages/".length);
  if (allowed === undefined || allowed.some((entry) => entry === name)) return undefined;
  if (kind === "plugin" && PLUGIN.test(name)) return "a plugin never imports another plugin; the app wires them";
  return `${home} may import ${allowed.length === 0 ? "nothing of ours" : `only ${allowed.join(", ")}`}`;
}

/**
 * @param {string} home
 * @returns {keyof typeof MAY_IMPORT}
 */
function kindOf(home) {
  if (home.startsWith("apps/")) return "app";
  const name = home.slice("packages/".length);
  if (name.startsWith("init-")) return "core"; // an executable, which imports nothing
  if (name === "core" || name === "effects" || name === "testkit") return name;
  if (MIDDLE.includes(name)) return "middle";
  if (PLUGIN.test(name)) return "plugin";
  throw new Error(`${home} has no place in the architecture; give it one in tooling/checks/arrows.mjs`);
}

/** @param {string} text */
function importsOf(text) {
  const statement = /^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']/gm;
  const call = /\b(?:import|require)\(\s*["']([^"']+)["']/g;
  return [...text.matchAll(statement), ...text.matchAll(call)].map((match) => match[1] ?? match[2] ?? "");
}

/** @param {string} specifier */
function packageName(specifier) {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const manifests = manifestsIn(["packages", "apps", "tooling"]);
  const files = ["packages", "apps"]
    .flatMap((group) => filesBelow(group, /\.(ts|mts|mjs)$/))
    .map((path) => ({ path, text: readFileSync(join(repository, path), "utf8") }));
  const violations = findViolations(files, manifests);
  for (const violation of violations) console.error(violation);
  console.log(`arrows: ${files.length} files, ${manifests.length} packages, ${violations.length} violations`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
