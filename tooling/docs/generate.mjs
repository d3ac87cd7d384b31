// @ts-check
/**
 * `node tooling/docs/generate.mjs [--check]`: writes the reference pages that follow from the code, so that they cannot
 * say anything else than it does. With `--check` it only says which differ. Needs the build.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { repository } from "../checks/tree.mjs";
import { errorsPage, exitCodesPage } from "./codes.mjs";
import { conformancePage, readReports } from "./conformance.mjs";
import { controllerApiPage } from "./controller-api.mjs";
import { failoverPage } from "./failover.mjs";
import { marathonLintPage } from "./marathon-lint.mjs";
import { runPage } from "./run.mjs";
import { serviceFilePage } from "./service-file.mjs";

const coreDirectory = join(repository, "packages/core");

/** @returns {Promise<ReadonlyMap<string, string>>} pages by path */
export async function generatePages() {
  const core = await import(pathToFileURL(join(coreDirectory, "dist/index.js")).href);
  // The very zod that made the schema, as another copy would not know its types.
  const zod = createRequire(join(coreDirectory, "package.json"))("zod");
  const { runHelp } = await import(pathToFileURL(join(repository, "apps/holdfast/dist/js/run/help.js")).href);
  const suite = await import(
    pathToFileURL(join(repository, "packages/testkit/dist/storage/conformance/index.js")).href
  );
  const groups = [
    {
      title: "Storage",
      intro: "What a storage strategy may answer. The list is closed.",
      codes: core.STORAGE_ERROR_CODES,
    },
    {
      title: "Coordination",
      intro: "What the coordination store and the lease may answer, beside `UNKNOWN_OUTCOME`, `DENIED` and `INTERNAL`.",
      codes: core.COORDINATION_ERROR_CODES,
    },
    {
      title: "Marathon and Mesos",
      intro:
        "What the clients of Marathon and Mesos may answer, beside `INVALID_SPEC`, `NOT_FOUND`, `DENIED`, `BUSY`, " +
        "`NO_CAPACITY`, `RECORD_EXISTS`, `VERSION_CONFLICT` and `UNKNOWN_OUTCOME`.",
      codes: core.API_ERROR_CODES,
    },
    { title: "Running", intro: "What the executable and the supervisor may answer.", codes: core.RUN_ERROR_CODES },
  ];
  const marathon = await import(pathToFileURL(join(repository, "packages/orchestrator-marathon/dist/index.js")).href);
  const failover = failoverPage();
  const controller = await import(pathToFileURL(join(repository, "apps/controller/dist/index.js")).href);
  // Only their descriptions are wanted; nothing is handled.
  const routes = controller.createRoutes({}, { version: "", leads: () => false });
  return new Map([
    .../** @type {[string, string][]} */ (
      failover === undefined ? [] : [["docs/reference/storage-failover.md", failover]]
    ),
    ["docs/reference/controller-api.md", controllerApiPage(controller.openApiDocument(routes, ""))],
    ["docs/reference/conformance.md", conformancePage(readReports(), suite)],
    ["docs/reference/errors.md", errorsPage(groups, core.EXIT_CODES)],
    ["docs/reference/exit-codes.md", exitCodesPage(core.EXIT_CODES, core.EXIT_CODE_MEANINGS, core.ERROR_CODES)],
    ["docs/reference/marathon-lint.md", marathonLintPage(marathon.LINT_CODES)],
    ["docs/reference/run.md", runPage(runHelp())],
    ["docs/reference/service-file.md", serviceFilePage(zod.toJSONSchema(core.serviceSchema, { io: "input" }))],
  ]);
}

/** @returns {Promise<string[]>} paths of the pages that differ from what the code says */
export async function outdatedPages() {
  const differs = (/** @type {[string, string]} */ [path, text]) => {
    const file = join(repository, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== text;
  };
  return [...(await generatePages())].filter(differs).map(([path]) => path);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (process.argv.includes("--check")) {
    const outdated = await outdatedPages();
    for (const path of outdated) console.error(`${path} is not what the code says; run pnpm fix`);
    process.exitCode = outdated.length > 0 ? 1 : 0;
  } else {
    for (const [path, text] of await generatePages()) {
      mkdirSync(dirname(join(repository, path)), { recursive: true });
      writeFileSync(join(repository, path), text);
    }
  }
}
