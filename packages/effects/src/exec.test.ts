import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { exec } from "./exec.js";

const logger = { log: () => undefined };
const contextOf = (signal: AbortSignal) => ({ opId: "op-1", signal, logger });

test("answers with what the command said, and leaves nothing on the signal", async () => {
  const { signal } = new AbortController();
  const context = contextOf(signal);
  expect(await exec("echo", ["a b", "$c"], { timeoutMs: 5_000 }, context)).toMatchObject({ stdout: "a b $c" });
  await expect(exec("false", [], { timeoutMs: 5_000 }, context)).rejects.toMatchObject({ code: "INTERNAL" });
  await expect(exec("no-such-program", [], { timeoutMs: 5_000 }, context)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("comes back in time when something keeps the standard output open", async () => {
  const { signal } = new AbortController();
  const startedAt = performance.now();
  // The shell ends at once; what it left behind holds the pipe.
  const call = exec("sh", ["-c", "sleep 3 & exit 0"], { timeoutMs: 300 }, contextOf(signal));
  await expect(call).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(performance.now() - startedAt).toBeLessThan(2_500);
});

test("ends with the operation", async () => {
  const controller = new AbortController();
  const call = exec("sleep", ["60"], { timeoutMs: 60_000 }, contextOf(controller.signal));
  setImmediate(() => controller.abort());
  await expect(call).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME", retryable: true });
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
});
