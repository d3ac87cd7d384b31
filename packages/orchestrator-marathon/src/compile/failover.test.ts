import { describe, expect, test } from "vitest";
import { STRATEGIES } from "../service.fixture.js";
import { chooseFailover, expectedFailover } from "./failover.js";

describe("expectedFailover", () => {
  const onA = { kind: "agents", agents: ["a.example"], why: "the data is there" } as const;

  test("is what will be chosen, wherever the placement is known", () => {
    for (const volume of Object.values(STRATEGIES)) {
      expect(expectedFailover("none", [volume], onA)).toEqual(chooseFailover("none", [volume], onA));
    }
    expect(expectedFailover("warm", [STRATEGIES.nbd], { kind: "any" }).kind).toBe("standby");
  });

  test("a pinned volume without an agent is pinned all the same", () => {
    for (const placement of [null, { kind: "any" }, { kind: "wait", why: "no agent yet" }] as const) {
      expect(expectedFailover("none", [STRATEGIES["local-pin"]], placement)).toMatchObject({
        kind: "pinned",
        instances: 1,
      });
    }
    expect(expectedFailover("none", [STRATEGIES["mesos-volume"]], null).kind).toBe("resident");
    expect(expectedFailover("none", [STRATEGIES.nbd], null).kind).toBe("replace");
  });

  test("a warm standby of it is refused before anything is placed", () => {
    const run = () => expectedFailover("warm", [STRATEGIES["local-pin"]], null);
    expect(run).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
  });
});
