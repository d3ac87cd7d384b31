import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Quiet } from "./quiet.js";

test("a measurement waits until nothing starts, and holds up what wants to start", async () => {
  const quiet = new Quiet();
  const seen: string[] = [];
  const started = await quiet.beginStart();
  const measured = quiet.measure(async () => {
    seen.push("measuring");
    await turn();
    seen.push("measured");
  });
  const next = quiet.beginStart().then((over) => {
    seen.push("starting");
    over();
  });
  await turn();
  expect(seen).toEqual([]);
  started();
  started();
  await Promise.all([measured, next]);
  expect(seen).toEqual(["measuring", "measured", "starting"]);
});

test("measurements come one after the other, also after one that failed", async () => {
  const quiet = new Quiet();
  const seen: number[] = [];
  const measure = (number: number) =>
    quiet.measure(async () => {
      seen.push(number);
      await turn();
      seen.push(-number);
      if (number === 1) throw new Error("failed");
    });
  const results = await Promise.allSettled([measure(1), measure(2), measure(3)]);
  expect(results.map((result) => result.status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  expect(seen).toEqual([1, -1, 2, -2, 3, -3]);
  (await quiet.beginStart())();
});
