import { DEFAULT_LEASE_COSTS } from "@holdfast/core";
import type { GuardConfig, GuardStorage } from "@holdfast/supervisor";

/** Small enough for tests, and its sums hold: 250 + 1000 + 300 + 500 + 600 <= 3000. */
export const SHORT_TIMING = { leaseMs: 3_000, renewMs: 250, stopBudgetMs: 500, marginMs: 600, guardMs: 300 } as const;

export const baseConfig: GuardConfig = {
  service: "orders-db",
  agent: "agent-1",
  task: null,
  machine: { machineId: "m", bootId: "b", host: "h" },
  store: "dir:///nowhere",
  credentials: { authFile: null, tls: null },
  timing: SHORT_TIMING,
  costs: { ...DEFAULT_LEASE_COSTS, killMs: 50 },
  wait: { kind: "wait", limitMs: null },
  firstRun: false,
  leaseMsMax: 3_000,
  volume: null,
  storage: null,
  claimWaitMs: null,
  attachTimeoutMs: 60_000,
  policy: { kind: "start-kill" },
  stopSignal: 15,
  tree: "auto",
  init: "auto",
  user: null,
  command: ["/bin/app", "--flag"],
  grade: "lease-only",
  reportFile: null,
  statusSocket: null,
  killGraceMs: null,
};

export const storageConfig: GuardStorage = {
  serve: ["/bin/storage", "serve"],
  cutProgram: ["/bin/storage", "cut"],
  description: "double (double)",
  mounts: true,
  cut: "with-tree",
  cutMsMax: 100,
  claimFenceMs: null,
  initialise: false,
};
