import { describe, expect, test } from "vitest";
import { DEV_TIMING, parseAgents, parseFaults, parseTiming, parseWorkload, requirePossible } from "./options.js";

const flags = {
  agents: "3",
  ...Object.fromEntries(Object.entries(DEV_TIMING).map(([name, value]) => [name, String(value)])),
} as Parameters<typeof parseTiming>[0];

describe("options", () => {
  test("the short numbers fit the product's own budget", () => {
    expect(parseTiming(flags)).toEqual(DEV_TIMING);
  });

  test("impossible numbers are refused, with the sum", () => {
    expect(() => parseTiming({ ...flags, stopBudgetMs: "2000" })).toThrow(
      expect.objectContaining({ code: "IMPOSSIBLE_BUDGET", message: expect.stringContaining("exceeds leaseMs 3000") }),
    );
  });

  test.each(["1", "2.5", "many", "21"])("%s agents are refused", (count) => {
    expect(() => parseAgents(count)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test("faults are chosen by their numbers, in the order given", () => {
    expect(parseFaults(undefined)).toHaveLength(4);
    expect(parseFaults("4,1").map((fault) => fault.name)).toEqual(["wrapper killed", "agent killed"]);
    expect(() => parseFaults("5")).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test("a cut needs a network to cut, or a store to take away", () => {
    const without = { network: "loopback", zookeeper: true } as const;
    expect(() => requirePossible(parseFaults(undefined), without)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
    expect(() => requirePossible(parseFaults("1,3,4"), without)).not.toThrow();
    expect(() => requirePossible(parseFaults("2"), { ...without, zookeeper: false })).not.toThrow();
    expect(() => requirePossible(parseFaults("2"), { ...without, network: "namespaces" })).not.toThrow();
  });

  test("an engine or a command, not both", () => {
    expect(parseWorkload(undefined, [])).toMatchObject({ kind: "engine", engine: { type: "redis" } });
    expect(parseWorkload(undefined, ["sleep", "9"])).toEqual({ kind: "command", command: ["sleep", "9"] });
    expect(() => parseWorkload("redis", ["sleep", "9"])).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});
