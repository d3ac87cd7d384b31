import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/testkit/test/broken-stores/*.suite.ts"],
    testTimeout: 5_000,
    maxWorkers: 1,
    reporters: ["json"],
  },
});
