import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { withLimit } from "./store-options.js";

test("a command that is not done in time says so with a code", async () => {
  const endless = withLimit(20, (signal) =>
    setTimeout(60_000, undefined, { signal }).catch(() => signal.throwIfAborted()),
  );
  await expect(endless).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME", retryable: true });
});

test("another error passes through", async () => {
  await expect(withLimit(60_000, async () => Promise.reject(new Error("its own")))).rejects.toThrow("its own");
});
