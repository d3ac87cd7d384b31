import { describe, expect, test } from "vitest";
import type { Placement } from "./observation.js";
import { agentViews, combinePlacements } from "./placement-decision.js";

const combine = (...placements: readonly Placement[]) =>
  combinePlacements(placements.map((placement, index) => ({ role: `v${index}`, placement })));
const on = (...agents: string[]): Placement => ({ kind: "agents", agents, why: `on ${agents.join()}` });

describe("a service with several volumes", () => {
  test("runs anywhere when each volume can be used anywhere", () => {
    expect(combine({ kind: "any" }, { kind: "any" })).toEqual({ kind: "any" });
  });

  test("runs where every volume is", () => {
    expect(combine({ kind: "any" }, on("a", "b"), on("b", "c"))).toMatchObject({ kind: "agents", agents: ["b"] });
  });

  test("waits, and names each volume, when no agent has them all", () => {
    expect(combine(on("a"), on("b"))).toEqual({
      kind: "wait",
      why: "no agent suits every volume; v0: on a; v1: on b",
    });
  });

  test("waits when one of them does, and says which", () => {
    expect(combine(on("a"), { kind: "wait", why: "a is gone" })).toEqual({ kind: "wait", why: "v1: a is gone" });
  });

  test("is restored when one of its volumes is", () => {
    expect(combine(on("a"), { kind: "agents", agents: ["a"], why: "lost", restore: true })).toMatchObject({
      restore: true,
    });
  });

  test("keeps an attribute, alone or in words", () => {
    const attribute: Placement = { kind: "attribute", name: "disk", value: "ssd", why: "fast" };
    expect(combine(attribute, { kind: "any" })).toEqual(attribute);
    expect(combine(attribute, on("a"))).toMatchObject({ agents: ["a"], why: expect.stringContaining("disk=ssd") });
  });
});

test("the agent with the data is lost only after the time for it; any other at once", () => {
  const agents = ["home", "other"].map((id) => ({ id, reachable: false, silentMs: 5_000, spareMiB: null }));
  const reachable = (lostMs: number) => agentViews(agents, "home", lostMs).map((view) => view.reachable);
  expect(reachable(10_000)).toEqual([true, false]);
  expect(reachable(5_000)).toEqual([false, false]);
});
