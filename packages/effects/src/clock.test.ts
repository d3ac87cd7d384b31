import { expect, test } from "vitest";
import { systemClock } from "./clock.js";

test("a sleep that is aborted rejects with the signal's reason, before it began and in its midst", async () => {
  const reason = new Error("enough");
  await expect(systemClock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
});

test("a sleep of less than nothing ends at once", async () => {
  await systemClock.sleep(-5);
});
