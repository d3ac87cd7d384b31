import { DEFAULT_LEASE_COSTS, DEFAULT_LEASE_TIMING } from "@holdfast/core";
import { expect, test } from "vitest";
import { killGraceFromEnvironment, killGraceWarning } from "./kill-grace.js";
import { describeProtection, startLine } from "./start-line.js";

test("the start line of a guarded volume as root with the native init", () => {
  const protection = describeProtection({ treeKind: "pid-namespace", keeper: "native", volume: true, storage: null });
  const facts = { protection, grade: "lease-only", timing: DEFAULT_LEASE_TIMING, costs: DEFAULT_LEASE_COSTS } as const;
  expect(startLine(facts)).toBe(
    "protection: pid-namespace + claim + deadline-init; grade lease-only; worst case takeover 31.3 s",
  );
});

test("whatever is missing is said", () => {
  expect(describeProtection({ treeKind: "subreaper", keeper: "native", volume: false, storage: null })).toBe(
    "subreaper + deadline-init; no PID namespace here: the tree is killed by walking it; no volume is guarded, only the process",
  );
  expect(
    describeProtection({ treeKind: "user-pid-namespace", keeper: "util-linux", volume: true, storage: null }),
  ).toContain(
    "user-pid-namespace + claim + deadline-guard; util-linux in place of the native init: no deadline in the kernel",
  );
});

test("a kill grace is too short when stop, kill and release do not fit", () => {
  const config = { timing: DEFAULT_LEASE_TIMING, costs: DEFAULT_LEASE_COSTS };
  expect(killGraceWarning({ ...config, killGraceMs: null })).toBeNull();
  expect(killGraceWarning({ ...config, killGraceMs: 11_250 })).toBeNull();
  expect(killGraceWarning({ ...config, killGraceMs: 11_249 })).toContain(
    "kills after 11249 ms, but a clean stop may take 11250 ms",
  );
});

test.each([
  ["5secs", 5_000],
  ["1.5mins", 90_000],
  ["250ms", 250],
  ["3", null],
  ["soon", null],
  ["5 secs", null],
])("understands the grace period %s", (text, expected) => {
  expect(killGraceFromEnvironment({ MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: text })).toBe(expected);
  expect(killGraceFromEnvironment({})).toBeNull();
});
