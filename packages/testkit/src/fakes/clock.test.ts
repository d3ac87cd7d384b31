import { isReached, suspendedMs } from "@holdfast/core";
import { expect, test } from "vitest";
import { createFakeClock } from "./clock.js";

test("stands still until it is moved, and then moves both clocks", async () => {
  const clock = createFakeClock({ monoMs: 10, bootMs: 20 });
  expect(clock.now()).toEqual({ monoMs: 10, bootMs: 20 });
  const wallTime = clock.wallTime();
  await clock.advance(5);
  expect(clock.now()).toEqual({ monoMs: 15, bootMs: 25 });
  expect(Date.parse(clock.wallTime()) - Date.parse(wallTime)).toBe(5);
});

test("wakes sleepers in the order of their times, at their times, and those they start meanwhile", async () => {
  const clock = createFakeClock({ monoMs: 0, bootMs: 0 });
  const woken: string[] = [];
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name} at ${clock.now().monoMs}`);
  };
  const late = sleep("late", 30);
  const early = sleep("early", 10).then(() => sleep("after early", 15));
  const never = sleep("never", 31);
  await clock.advance(30);
  await Promise.all([late, early]);
  expect(woken).toEqual(["early at 10", "after early at 25", "late at 30"]);
  expect(clock.sleepers).toBe(1);
  await clock.advance(1);
  await never;
});

test("a suspended machine misses time on one clock, and its sleepers sleep on", async () => {
  const clock = createFakeClock({ monoMs: 0, bootMs: 0 });
  const before = clock.now();
  let woken = false;
  const sleeping = clock.sleep(10).then(() => {
    woken = true;
  });
  clock.suspend(1_000);
  await clock.advance(9);
  expect(woken).toBe(false);
  expect(suspendedMs(before, clock.now())).toBe(1_000);
  expect(isReached({ monoMs: 500, bootMs: 500 }, clock.now())).toBe(true);
  await clock.advance(1);
  await sleeping;
});

test("an aborted sleep ends at once with the signal's reason", async () => {
  const clock = createFakeClock();
  const controller = new AbortController();
  const sleeping = clock.sleep(10, controller.signal);
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(clock.sleep(10, controller.signal)).rejects.toBe(reason);
  expect(clock.sleepers).toBe(0);
});
