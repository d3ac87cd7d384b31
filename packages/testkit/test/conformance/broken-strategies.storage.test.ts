import {
  brokenStrategies,
  casesOf,
  INVARIANTS,
  imageRecipe,
  invariantOf,
  openSession,
  runConformance,
} from "@holdfast/testkit";
import { expect, test } from "vitest";

/*
 * The suite is worth what it refuses. Each of these strategies breaks one invariant and is otherwise the one that passes
 * everything; the case of that invariant must fail, and by what it demands, not because something fell over.
 */

const LIMIT_MS = 120_000;

test("there is a broken strategy for every invariant", () => {
  expect(brokenStrategies.map(({ invariant }) => invariant)).toEqual(Object.keys(INVARIANTS));
});

test.each(brokenStrategies)(
  "$invariant: a strategy that $name is caught by $caughtBy",
  async ({ invariant, caughtBy }) => {
    const one = casesOf().find(({ id }) => id === caughtBy);
    if (one === undefined) throw new Error(`there is no case ${caughtBy}`);
    expect(invariantOf(one)).toBe(invariant);
    const strategy = {
      module: "@holdfast/testkit",
      from: import.meta.url,
      export: "createBrokenStrategy",
      arguments: [invariant],
    };
    const session = await openSession({ strategy, recipe: imageRecipe });
    try {
      const { result, why } = await session.play(one);
      expect(result).toBe("failed");
      expect(why).not.toMatch(/^(unexpected|afterwards):/);
      expect(session.report().proven.grade).toBe("none");
    } finally {
      await session.close();
    }
  },
  LIMIT_MS,
);

test("a report names what it proves and for which levels it was not tried", async () => {
  const strategy = { module: "@holdfast/testkit", from: import.meta.url, export: "createImageStrategy" };
  const report = await runConformance({ strategy, recipe: imageRecipe }, { levels: ["L0"] });
  expect(report.cases.every(({ level }) => level === "L0")).toBe(true);
  expect(report.proven).toEqual({ grade: "none", why: "not tried: L1, L2, L3, L4" });
});
