import { expect, test } from "vitest";
import { type InitStorageOptions, runArguments } from "./init-storage.js";

const options: InitStorageOptions = { file: "orders.yaml", pluginDir: [], role: null };

test("waits like any run, as a store without a record may be a new one under an old holder", () => {
  const run = runArguments(options, "dir:///store");
  expect(run).toContain("--wait");
  expect(run).not.toContain("--first-run");
});

test("does not wait when the operator says that the service never ran", () => {
  const run = runArguments({ ...options, firstRun: true }, "dir:///store");
  expect(run).toContain("--first-run");
  expect(run).not.toContain("--wait");
});

test("passes on what the run needs as it was given", () => {
  const run = runArguments({ ...options, format: true, agent: "a1", pluginDir: ["/p", "/q"] }, "dir:///store");
  expect(run).toEqual(expect.arrayContaining(["--format", "--agent", "a1", "--plugin-dir", "/p:/q"]));
});
