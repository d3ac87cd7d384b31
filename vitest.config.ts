import { defineConfig } from "vitest/config";

/**
 * Where machine-readable results go, for `.ci/run`, which sums them up. Set per invocation, so that two
 * invocations do not overwrite each other's file.
 */
const reportFile = process.env.HOLDFAST_TEST_REPORT;

const common = { environment: "node", retry: 0, pool: "forks" } as const;

/**
 * One file at a time: these projects start servers, kill process trees and measure milliseconds. Two of them
 * side by side would measure each other.
 */
const alone = { fileParallelism: false, maxWorkers: 1 } as const;

export default defineConfig({
  test: {
    // A run shows everything that is broken, not the first of it.
    bail: 0,
    allowOnly: false,
    passWithNoTests: false,
    reporters: ["default", "./tooling/checks/skip-reporter.mjs", ...(reportFile === undefined ? [] : ["json"])],
    ...(reportFile === undefined ? {} : { outputFile: { json: reportFile } }),
    // Projects run one after the other, fast ones first; vitest demands a group of its own for each `maxWorkers`.
    projects: [
      {
        test: {
          ...common,
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "tooling/**/*.test.{ts,mjs}"],
          exclude: ["**/node_modules/**", "**/dist/**", "tooling/*/test/**"],
          maxWorkers: 2,
          testTimeout: 10_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          // Stores, which mostly wait: for a server to start, a session to expire, a timeout to pass. Two at once are
          // no hindrance to each other.
          name: "contract",
          include: ["packages/{coordination,testkit}/test/**/*.contract.test.ts"],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          ...alone,
          name: "process",
          include: [
            "packages/!(coordination|testkit)/test/**/*.contract.test.ts",
            "packages/supervisor/native/test/**/*.test.ts",
            "apps/*/test/**/*.contract.test.ts",
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...common,
          ...alone,
          name: "short",
          include: [
            "packages/*/test/**/*.short.test.ts",
            "apps/*/test/**/*.short.test.ts",
            "tooling/*/test/**/*.short.test.ts",
          ],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          ...common,
          // Strategies on real servers: conformance, faults, failover with a database. Mostly waiting for leases and
          // time-outs; each file has machines of its own.
          maxWorkers: 2,
          name: "storage",
          include: ["packages/*/test/**/*.storage.test.ts", "apps/*/test/**/*.storage.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 5 },
        },
      },
      {
        test: {
          ...common,
          ...alone,
          // What needs a kernel of its own: NFS between small virtual machines.
          name: "vm",
          include: ["packages/*/test/**/*.vm.test.ts", "apps/*/test/**/*.vm.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 6 },
        },
      },
      {
        test: {
          ...common,
          ...alone,
          name: "faults",
          include: ["apps/holdfast/test/faults/**/*.fault.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
