import { expect, test } from "vitest";
import { agentLossTiming, parseMesosDuration } from "./flags.js";

test.each([
  ["15secs", 15_000],
  ["1.5mins", 90_000],
  ["10mins", 600_000],
  ["500ms", 500],
  ["2weeks", 1_209_600_000],
  ["0ns", 0],
])("%s is %d ms", (text, ms) => {
  expect(parseMesosDuration(text)).toBe(ms);
});

test.each(["", "15", "15 secs", "secs", "15sec", "1/10mins"])("%j is no duration", (text) => {
  expect(parseMesosDuration(text)).toBeUndefined();
});

test("an agent is given up after its pings, by the flags, by their old names, or by the defaults", () => {
  expect(agentLossTiming({ agent_ping_timeout: "1secs", max_agent_ping_timeouts: "3" })).toMatchObject({
    unreachableAfterMs: 3_000,
  });
  expect(agentLossTiming({ slave_ping_timeout: "2secs", max_slave_ping_timeouts: "2" })).toMatchObject({
    unreachableAfterMs: 4_000,
  });
  expect(agentLossTiming({})).toEqual({
    unreachableAfterMs: 75_000,
    afterMasterFailoverMs: 600_000,
    removalRateLimit: undefined,
  });
  expect(agentLossTiming({ agent_removal_rate_limit: "1/20mins" })?.removalRateLimit).toBe("1/20mins");
  expect(agentLossTiming({ agent_ping_timeout: "soon" })).toBeUndefined();
});
