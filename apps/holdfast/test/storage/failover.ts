import { monotonicMs } from "@holdfast/effects";
import { until } from "@holdfast/testkit";
import { expect } from "vitest";
import { RedisWriter, redisCommand } from "./database.js";
import { type StorageRun, signalRun } from "./run.js";
import { type StorageScene, untilGone } from "./scene.js";

/** What is done to the holder; resolves when it was observed. */
export interface HolderFault {
  readonly name: string;
  inflict(holder: StorageRun, scene: StorageScene): Promise<void>;
  /** Undone once the successor writes. */
  undo(holder: StorageRun, scene: StorageScene): Promise<void>;
  /** The successor need not wait for the lease. */
  readonly released: boolean;
  /** The time that it takes depends on more than the lease, and was judged while it ran. */
  readonly untimed?: boolean;
  /** The successor starts only after a receipt. */
  readonly fenced?: boolean;
}

export const AGENT_CUT: HolderFault = {
  name: "the holder's agent is cut off from everything, and comes back",
  inflict: ({ agent }) => agent.cut(),
  undo: ({ agent }) => agent.heal(),
  released: false,
};

export const ALL_KILLED: HolderFault = {
  name: "kill -9 of every process on the holder's agent",
  async inflict(holder) {
    await signalRun(holder, "SIGKILL");
    await untilGone(holder, 10_000);
  },
  undo: async () => undefined,
  released: false,
};

export const ALL_STOPPED: HolderFault = {
  name: "every process of the holder stopped for two leases, then resumed",
  async inflict(holder) {
    await signalRun(holder, "SIGSTOP");
  },
  async undo(holder) {
    await signalRun(holder, "SIGCONT");
  },
  released: false,
};

export const GUARD_KILLED: HolderFault = {
  name: "kill -9 of the guard",
  async inflict(holder) {
    await signalRun(holder, "SIGKILL", "holdfast.* run ");
  },
  undo: async () => undefined,
  released: true,
};

export const CLEAN_STOP: HolderFault = {
  name: "a clean stop (SIGTERM)",
  async inflict(holder) {
    await signalRun(holder, "SIGTERM", "holdfast.* run ");
  },
  undo: async () => undefined,
  released: true,
};

/**
 * The servers answer nothing for as long as the holder takes to end: its decision and its tree's end must not wait for
 * them. Healthy again, they serve the successor.
 */
export const SERVERS_HUNG: HolderFault = {
  name: "every storage server hangs until the holder's trees are gone, then goes on",
  async inflict(holder, scene) {
    const { leaseMs, marginMs } = scene.lease;
    await scene.world.servers.hang();
    // The probe's own time and its limit, or the application's own end, and at the latest the deadline; then the cut.
    await untilGone(holder, PROBE_MS + leaseMs - marginMs + HURRY_MS);
    await scene.world.servers.resume();
  },
  undo: async () => undefined,
  released: true,
  untimed: true,
};

/**
 * NFS, whose client is the kernel: what waits for the server cannot be killed. The run says so and gives the lease to whoever
 * gets a receipt from the server; until that answers, nobody runs.
 */
export const SERVER_HUNG_STUCK: HolderFault = {
  name: "the server hangs until the holder has said that it is stuck, then goes on; the successor starts after a receipt",
  async inflict(holder, scene) {
    const [, second] = scene.world.agents;
    const { leaseMs, marginMs } = scene.lease;
    await scene.world.servers.hang();
    await holder.untilLine(/a successor needs a fence receipt/, PROBE_MS + leaseMs - marginMs + HURRY_MS);
    await until(
      "the lock record to say that a fence is needed",
      async () => /needsFence|pendingFence"?:\s*\{/.test(await scene.tool(second, "lock", "status", "--json")),
      { timeoutMs: leaseMs, intervalMs: 200, seen: holder.log },
    );
    await scene.world.servers.resume();
  },
  undo: async () => undefined,
  released: true,
  untimed: true,
  fenced: true,
};

/** Time between two probes and limit of one, as the run's defaults have it. */
const PROBE_MS = 10_000;
const HURRY_MS = 6_000;

export interface FailoverResult {
  readonly backend: string;
  readonly server: string;
  readonly fault: string;
  readonly leaseMs: number;
  /** From the fault until nothing of the holder was left on its agent. */
  readonly holderGoneMs: number | null;
  /** From the fault until the waiting candidate had the lease. */
  readonly leaseWonMs: number;
  /** From the grant to the application's start, by part. */
  readonly takeover: readonly { readonly name: string; readonly ms: number }[];
  /** From the fault to the first write that the new holder acknowledged. */
  readonly firstWriteMs: number;
  readonly acknowledged: number;
  readonly acknowledgedAfter: number;
  readonly lost: number;
  readonly overlapMs: number;
}

/** Writes that must be acknowledged before and after: fewer prove nothing. */
const WRITES_BEFORE = 200;
const WRITES_AFTER = 1_000;

/** Redis fails over from one agent to the other; judged by what its clients were told and what it has afterwards. */
export async function playFailover(scene: StorageScene, fault: HolderFault): Promise<FailoverResult> {
  const [first, second] = scene.world.agents;
  const holder = scene.start(first, redisCommand(first), ["--wait", "--first-run"]);
  await holder.untilLine(/runs under epoch/, 60_000);
  const candidate = scene.start(second, redisCommand(second), ["--wait"]);
  await candidate.untilLine(/waiting for the lease/, 30_000);
  const writer = new RedisWriter([first, second]);
  try {
    await until("writes before the fault", () => writer.count() >= WRITES_BEFORE, {
      timeoutMs: 60_000,
      seen: holder.log,
    });
    const faultMs = monotonicMs();
    await fault.inflict(holder, scene);
    const won = await candidate.untilLine(/lease won/, scene.lease.leaseMs * 3 + 10_000);
    // A metadata server of CephFS that was taken for dead waits 45 s for former clients.
    const split = await candidate.untilLine(/from the grant to the start/, 120_000);
    const epoch = BigInt(/epoch (\d+)/.exec(won.text)?.[1] ?? "0");
    const firstWrite = await until("the first write", () => writer.acknowledged.find((ack) => ack.epoch === epoch), {
      // MooseFS keeps a chunk that a lost client was writing locked for two minutes.
      timeoutMs: 200_000,
      seen: candidate.log,
    });
    if (fault === ALL_STOPPED) {
      const resumeAtMs = faultMs + 2 * scene.lease.leaseMs;
      await until("two leases", () => monotonicMs() >= resumeAtMs, {
        timeoutMs: 3 * scene.lease.leaseMs,
        intervalMs: 100,
      });
    }
    await fault.undo(holder, scene);
    await holder.untilExit(60_000);
    await untilGone(holder, 30_000);
    const goneMs = monotonicMs();
    const after = () => writer.acknowledged.filter((ack) => ack.epoch === epoch).length;
    await until("writes after the fault", () => after() >= WRITES_AFTER, { timeoutMs: 120_000, seen: candidate.log });
    await writer.stop();
    const lost = await writer.lost(second);
    return {
      backend: scene.world.backend,
      server: scene.world.server,
      fault: fault.name,
      leaseMs: scene.lease.leaseMs,
      holderGoneMs: fault === AGENT_CUT || fault === ALL_STOPPED ? null : goneMs - faultMs,
      leaseWonMs: won.atMs - faultMs,
      takeover: parseSplit(split.text),
      firstWriteMs: firstWrite.atMs - faultMs,
      acknowledged: writer.acknowledged.length,
      acknowledgedAfter: after(),
      lost: lost.length,
      overlapMs: Math.max(0, writer.overlapMs()),
    };
  } catch (error) {
    throw new Error(`${String(error)}\n--- holder\n${holder.log()}\n--- candidate\n${candidate.log()}`, {
      cause: error,
    });
  } finally {
    await writer.stop();
  }
}

function parseSplit(text: string): { name: string; ms: number }[] {
  const parts = text.slice(text.indexOf("ms: ") + 4).split(", ");
  return parts.map((part) => {
    const blank = part.lastIndexOf(" ");
    return { name: part.slice(0, blank), ms: Number(part.slice(blank + 1)) };
  });
}

/** What every failover must show, whatever its storage. */
export function expectSafe(result: FailoverResult, scene: StorageScene, fault: HolderFault): void {
  expect(result).toMatchObject({ lost: 0, overlapMs: 0 });
  expect(result.acknowledgedAfter).toBeGreaterThanOrEqual(WRITES_AFTER);
  if (fault.fenced === true) expect(result.takeover.map(({ name }) => name)).toContain("fence");
  if (fault.untimed === true) return;
  const waitMs = scene.lease.leaseMs * 1.01 + scene.lease.guardMs;
  // Machines that run tests are shared: the candidate's own part has some room.
  expect(result.leaseWonMs).toBeLessThan(waitMs + 2_000);
}

export async function withScene<T>(scene: StorageScene, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await scene.close();
  }
}
