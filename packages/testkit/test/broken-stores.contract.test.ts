import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { defects } from "./broken-stores/defects.js";

/*
 * The suite is worth what it refuses: it is run on stores with one defect each, and the test that speaks of the broken
 * promise must fail. That the same tests pass without a defect is the fake store's own contract test.
 */

const LIMIT_MS = 120_000;
const root = fileURLToPath(new URL("../../..", import.meta.url));
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ ancestorTitles: z.array(z.string()), title: z.string(), status: z.string() }),
      ),
    }),
  ),
});

let failed: { readonly store: string; readonly title: string }[] = [];

beforeAll(async () => {
  const vitest = fileURLToPath(new URL("node_modules/vitest/vitest.mjs", `file://${root}/`));
  const config = fileURLToPath(new URL("broken-stores/vitest.config.ts", import.meta.url));
  const quote = (text: string) => text.replace(/[^A-Za-z0-9 ]/g, "\\$&");
  const names = defects.map(({ name, caughtBy }) => `store contract: ${quote(name)} [a-z]+ ${quote(caughtBy)}`);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [vitest, "run", "--config", config, "--root", root, "--testNamePattern", `^(${names.join("|")})$`],
    {
      cwd: root,
      maxBuffer: 1 << 26,
      timeout: LIMIT_MS,
    },
  ).catch((error: { stdout?: string; code?: unknown }) => {
    // It ends with 1 because tests fail, which is what is asked for.
    if (error.code !== 1 || error.stdout === undefined) throw error;
    return { stdout: error.stdout };
  });
  const report = reportSchema.parse(JSON.parse(stdout.slice(stdout.indexOf('{"numTotalTestSuites"'))));
  const results = report.testResults.flatMap((file) => file.assertionResults);
  failed = results
    .filter(({ status }) => status === "failed")
    .map(({ ancestorTitles, title }) => ({ store: ancestorTitles.join(" "), title }));
}, LIMIT_MS);

test.each(defects)("the contract refuses a store that $name", ({ name, caughtBy }) => {
  const titles = failed.filter(({ store }) => store.startsWith(`store contract: ${name} `)).map(({ title }) => title);
  expect(titles).toContain(caughtBy);
});
