import { DEFAULT_LEASE_COSTS, DEFAULT_LEASE_TIMING } from "@holdfast/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { budgetLines, type TakeoverInput, takeoverBudget } from "./budget.js";
import { clusterTiming, DEFAULT_CLUSTER_TIMING } from "./cluster-timing.js";
import { parseMesosDuration, sumMs, timesMs } from "./duration.js";

const input: TakeoverInput = {
  failover: "replace",
  timing: DEFAULT_LEASE_TIMING,
  costs: DEFAULT_LEASE_COSTS,
  cluster: DEFAULT_CLUSTER_TIMING,
  attachTimeoutMs: 20_000,
  launchDelayMs: 60_000,
  launchMs: 10_000,
};
const worst = (change: Partial<TakeoverInput> = {}) =>
  Object.fromEntries(takeoverBudget({ ...input, ...change }).map(({ fault, worstMs }) => [fault, worstMs]));

describe("takeoverBudget", () => {
  test("a lost agent: 75 s until Mesos says so, the start, the lease as the replacement counts it, fence and attach", () => {
    // 30 000 x 1.01 + 500 + 500 for the takeover itself
    expect(worst()["the agent is lost, or cut off from the master"]).toBe(75_000 + 10_000 + 31_300 + 20_000);
  });

  test("with the master lost as well, its agents have ten minutes to come back", () => {
    expect(worst()["the agent and the leading master are lost together"]).toBe(
      10_000 + 600_000 + 10_000 + 31_300 + 20_000,
    );
  });

  test("with Marathon's leader lost as well, a status may be missed until the next reconciliation", () => {
    expect(worst()["the agent and the leading Marathon are lost together"]).toBe(
      75_000 + 10_000 + 600_000 + 10_000 + 31_300 + 20_000,
    );
  });

  test("the rate limit of the master comes on top wherever agents are removed", () => {
    const cluster = clusterTiming({ agent_removal_rate_limit: "1/20mins" });
    const [before, after] = [worst(), worst({ cluster })];
    for (const fault of Object.keys(before).filter((name) => name.startsWith("the agent"))) {
      expect(after[fault], fault).toBe((before[fault] ?? 0) + 1_200_000);
    }
  });

  test("a standby needs no scheduler: whatever its flags are, the time is the same", () => {
    const cluster = { ...DEFAULT_CLUSTER_TIMING, agentPingTimeoutMs: 3_600_000, reconciliationMs: 86_400_000 };
    const standby = worst({ failover: "standby" });
    expect(worst({ failover: "standby", cluster })).toEqual(standby);
    expect(standby["the agent is lost, or cut off from everything"]).toBe(3_000 + 31_300 + 20_000);
  });

  test.each(["pinned", "resident"] as const)("%s is never taken over, and the row says so", (failover) => {
    const rows = takeoverBudget({ ...input, failover });
    expect(rows.at(-1)).toMatchObject({ worstMs: null, terms: [], note: expect.stringContaining("after 75 s") });
  });

  test("each sum is that of its terms", () => {
    for (const failover of ["replace", "standby", "pinned"] as const) {
      for (const { terms, worstMs } of takeoverBudget({ ...input, failover })) {
        if (worstMs !== null) expect(terms.reduce((sum, { ms }) => sum + ms, 0)).toBe(worstMs);
      }
    }
  });

  test.each<[string, Partial<TakeoverInput>]>([
    ["a time below zero", { launchMs: -1 }],
    ["half a millisecond", { attachTimeoutMs: 0.5 }],
    ["no number", { launchDelayMs: Number.NaN }],
    ["a sum beyond what a number holds", { launchMs: Number.MAX_SAFE_INTEGER }],
    [
      "a product beyond it",
      { cluster: { ...DEFAULT_CLUSTER_TIMING, agentPingsMax: 2 ** 40, agentPingTimeoutMs: 2 ** 40 } },
    ],
    ["a lease whose numbers do not hold", { timing: { ...DEFAULT_LEASE_TIMING, leaseMs: 10_000 } }],
  ])("refuses %s", (_, change) => {
    expect(() => takeoverBudget({ ...input, ...change })).toThrow(
      expect.objectContaining({ code: "IMPOSSIBLE_BUDGET" }),
    );
  });

  test("prints the sum, and its terms below", () => {
    expect(budgetLines(takeoverBudget(input)).slice(4, 9)).toEqual([
      "the agent is lost, or cut off from the master: at most 136.3 s (the old run stops itself at its deadline, whatever it can reach)",
      "         75 s  Mesos says unreachable (agent_ping_timeout 15000 ms x 5)",
      "  +      10 s  offer, fetch, start of the replacement",
      "  +    31.3 s  your lease, as the next run counts it",
      "  +      20 s  fence and attach, at most (attachTimeoutMs)",
    ]);
  });
});

describe("clusterTiming", () => {
  test("what is absent has its default", () => {
    expect(clusterTiming({})).toEqual(DEFAULT_CLUSTER_TIMING);
  });

  test("reads the master's texts, the older names, and Marathon's milliseconds", () => {
    const flags = {
      slave_ping_timeout: "30secs",
      max_slave_ping_timeouts: "20",
      agent_removal_rate_limit: "2/3hrs",
      agent_reregister_timeout: "15mins",
      zk_session_timeout: "1.5mins",
    };
    const marathon = { reconciliation_interval: 60_000, task_launch_timeout: 420_000 };
    expect(clusterTiming(flags, marathon, { zk_session_timeout: 5_000 })).toEqual({
      agentPingTimeoutMs: 30_000,
      agentPingsMax: 20,
      agentRemovalMs: 5_400_000,
      agentReregisterTimeoutMs: 900_000,
      masterSessionMs: 90_000,
      marathonSessionMs: 5_000,
      reconciliationMs: 60_000,
      launchTimeoutMs: 420_000,
    });
  });

  test.each([
    [{ agent_ping_timeout: "15 seconds" }],
    [{ max_agent_ping_timeouts: "0" }],
    [{ agent_removal_rate_limit: "20mins" }],
    [{ agent_removal_rate_limit: "0/20mins" }],
  ])("refuses %o, naming the flag", (flags) => {
    const name = Object.keys(flags)[0] ?? "";
    expect(() => clusterTiming(flags)).toThrow(expect.objectContaining({ code: "BAD_CONFIGURATION" }));
    expect(() => clusterTiming(flags)).toThrow(name);
  });

  test("refuses a number of Marathon's that is none", () => {
    expect(() => clusterTiming({}, { reconciliation_interval: "10mins" })).toThrow(/reconciliation_interval/);
  });
});

describe("times", () => {
  test.each([
    ["15secs", 15_000],
    ["10mins", 600_000],
    ["2weeks", 1_209_600_000],
    ["1.5hrs", 5_400_000],
    ["500us", 1],
  ])("%s is %i ms", (text, ms) => {
    expect(parseMesosDuration("flag", text)).toBe(ms);
  });

  test("a sum is exact, or refused", () => {
    const times = fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { maxLength: 5 });
    fc.assert(
      fc.property(times, (terms) => {
        const exact = terms.reduce((sum, term) => sum + BigInt(term), 0n);
        if (exact > BigInt(Number.MAX_SAFE_INTEGER)) expect(() => sumMs(...terms)).toThrow();
        else expect(BigInt(sumMs(...terms))).toBe(exact);
      }),
    );
  });

  test("a product is exact, or refused", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 40 }), fc.nat({ max: 2 ** 40 }), (count, ms) => {
        const exact = BigInt(count) * BigInt(ms);
        if (exact > BigInt(Number.MAX_SAFE_INTEGER)) expect(() => timesMs(count, ms)).toThrow();
        else expect(BigInt(timesMs(count, ms))).toBe(exact);
      }),
    );
  });
});
