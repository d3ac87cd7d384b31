import type { ScaffoldOptions } from "../options.js";

/** Only the package that is written imports it. */
const TESTKIT = "@holdfast/testkit";

export function conformanceTest({ type }: ScaffoldOptions): string {
  return `import { sharedDirectoryRecipe } from "${TESTKIT}";
import { storageConformance } from "${TESTKIT}/vitest";

const subject = {
  strategy: { module: new URL("../src/index.js", import.meta.url).href, export: "holdfastPlugin" },
  recipe: sharedDirectoryRecipe({ backend: "${type}" }),
};

// L0: shape and declared capabilities. L1: order and idempotency. Add "L2", "L3" and "L4" as the strategy grows.
storageConformance("${type}", subject, { levels: ["L0", "L1"] });
`;
}

/** The suite starts real processes and mounts. */
export const VITEST_CONFIG = `import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/**/*.test.js"], testTimeout: 120_000, hookTimeout: 60_000, fileParallelism: false },
});
`;

export function serviceFile({ type, packageName }: ScaffoldOptions): string {
  return `apiVersion: holdfast/v1
kind: Service
metadata: { name: example }
spec:
  plugins:
    - { package: "${packageName}", version: 0.1.0 }
  engine: { type: process, command: [sh, -c, 'echo "data in $HOLDFAST_DATA_DIR"'] }
  storage:
    - { role: data, strategy: ${type}, mountPath: /srv/example }
  resources: { cpus: 1, memMiB: 64 }
`;
}
