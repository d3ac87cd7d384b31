import { expect, test } from "vitest";
import { diffDefinition } from "./diff.js";

const definition = { id: "orders-db", argv: ["holdfast", "run"], env: { PASSWORD: "hunter2" }, killGraceMs: 1_000 };

test("what is not there is created, what is equal in another order is left alone", () => {
  expect(diffDefinition(null, definition).effect).toBe("create");
  const reordered = Object.fromEntries(Object.entries(definition).reverse());
  expect(diffDefinition(definition, reordered)).toMatchObject({ effect: "none", changes: [] });
});

test("a change restarts, and is named with both values", () => {
  const { effect, changes, why } = diffDefinition(definition, { ...definition, killGraceMs: 2_000 });
  expect(effect).toBe("restart");
  expect(changes).toEqual([{ pointer: "/killGraceMs", before: "1000", after: "2000" }]);
  expect(why).toContain("/killGraceMs");
});

test("values of the environment are not shown, long ones are cut", () => {
  const next = { ...definition, env: { PASSWORD: "changed" }, argv: ["x".repeat(1_000)] };
  const { changes } = diffDefinition(definition, next);
  expect(JSON.stringify(changes)).not.toMatch(/hunter2|changed"/);
  expect(Math.max(...changes.map(({ after }) => after?.length ?? 0))).toBeLessThan(210);
});
