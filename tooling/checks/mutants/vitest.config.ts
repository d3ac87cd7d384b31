import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { mutants } from "./mutants.mjs";

/** The lease's and the guard's own tests, run against sources with one deviation in them; `HOLDFAST_MUTANT` is its index. */
const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const mutant = mutants[Number(process.env.HOLDFAST_MUTANT ?? -1)];

const leaseTests = "packages/coordination/src/lease/*.test.ts";
const guardTests = "packages/supervisor/src/guard/machine*.test.ts";
/** What a mutant is for; without one both must pass. */
const include =
  mutant === undefined
    ? [leaseTests, guardTests]
    : [mutant.file.startsWith("packages/supervisor/") ? guardTests : leaseTests];

export default defineConfig({
  root,
  // Sources instead of builds, so that a deviation in core reaches the tests.
  resolve: {
    alias: [
      { find: "@holdfast/core", replacement: join(root, "packages/core/src/index.ts") },
      { find: "@holdfast/effects", replacement: join(root, "packages/effects/src/index.ts") },
      { find: "@holdfast/testkit", replacement: join(root, "packages/testkit/src/fakes/index.ts") },
    ],
  },
  plugins: [
    {
      name: "mutant",
      enforce: "pre",
      transform(_code, id) {
        if (mutant === undefined || !id.endsWith(mutant.file)) return null;
        const source = readFileSync(join(root, mutant.file), "utf8");
        const parts = source.split(mutant.find);
        if (parts.length !== 2)
          throw new Error(`${mutant.file} does not contain the line exactly once: ${mutant.find}`);
        return { code: parts.join(mutant.replace), map: null };
      },
    },
  ],
  test: {
    include,
    retry: 0,
    bail: 1,
    testTimeout: 60_000,
    reporters: ["json"],
  },
});
