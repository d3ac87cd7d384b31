import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import {
  allProcesses,
  cutOff,
  exitText,
  type FaultRow,
  type Played,
  type Run,
  type Scene,
  setStage,
  signalProcess,
  stateOf,
  stopCleanly,
  until,
  watchEnd,
} from "@holdfast/testkit";

const group = "those who wait";
const SECOND = "c";

/** The candidate loses the store for three leases while it waits: its session expires. Then it is its turn. */
async function sessionExpired(scene: Scene): Promise<Played> {
  const { profile } = scene;
  const stage = await setStage(scene);
  const { holder, candidate, tree } = stage;
  const end = watchEnd(tree.root);
  try {
    const ongoing = await cutOff(profile.longFaultMs).inject({ ...stage, holder: candidate });
    await pause(profile.longFaultMs);
    const seen = await ongoing.heal?.();
    const faultMs = monotonicMs();
    process.kill(holder.pid, "SIGKILL");
    await scene.untilWritten(candidate, profile.writesAfter);
    const holderExit = exitText(await holder.untilExit(profile.patienceMs));
    await stopCleanly(candidate, profile.patienceMs);
    return {
      moments: { fault: faultMs, "tree-gone": end.lastAliveMs() },
      observed: `candidate ${ongoing.observed}; ${seen}; then kill -9 of the guard`,
      holderExit,
    };
  } finally {
    end.stop();
  }
}

/**
 * The first of two candidates is stopped for three leases. Meanwhile the holder ends and the second one takes over.
 * When the first one wakes up, nothing that it knew is true any more.
 */
async function firstStopped(scene: Scene): Promise<Played> {
  const { profile } = scene;
  const { holder, candidate: first, tree } = await setStage(scene);
  const second = await scene.start(SECOND);
  await scene.untilPhase(second, "waiting-for-lease");
  const end = watchEnd(tree.root);
  try {
    const stoppedProcesses = wrapperProcesses(first);
    const faultMs = monotonicMs();
    for (const seen of stoppedProcesses) signalProcess(seen, "SIGSTOP");
    await until("the first candidate to be stopped", () => stoppedProcesses.every((seen) => stateOf(seen) === "T"), {
      timeoutMs: profile.patienceMs,
      intervalMs: 2,
    });
    holder.signal("SIGTERM");
    await scene.untilWritten(second, profile.writesAfter);
    const holderExit = exitText(await holder.untilExit(profile.patienceMs));
    await pause(Math.max(0, faultMs + profile.longFaultMs - monotonicMs()));
    for (const seen of stoppedProcesses) signalProcess(seen, "SIGCONT");
    await scene.untilPhase(first, "waiting-for-lease");
    await scene.untilWritten(second, second.acknowledged() + Math.ceil((1.1 * profile.timing.leaseMs) / 10));
    await stopCleanly(second, profile.patienceMs);
    await scene.untilWritten(first, profile.writesAfter);
    await stopCleanly(first, profile.patienceMs);
    return {
      moments: { fault: faultMs, "tree-gone": end.lastAliveMs() },
      observed: `${stoppedProcesses.length} processes of the first candidate T for three leases`,
      holderExit,
    };
  } finally {
    end.stop();
  }
}

/** The wrapper's first process and everything below it. */
function wrapperProcesses(run: Run) {
  const all = allProcesses();
  const below = (pid: number): typeof all =>
    all.filter((seen) => seen.ppid === pid).flatMap((seen) => [seen, ...below(seen.pid)]);
  return [...all.filter((seen) => seen.pid === run.pid), ...below(run.pid)];
}

export const waiterRows: readonly FaultRow[] = [
  {
    group,
    name: "the waiter's session expired before its turn",
    stores: ["directory", "zookeeper"],
    expected: { kind: "takeover", within: "lease", after: "fault" },
    holderExit: ["SIGKILL"],
    play: sessionExpired,
  },
  {
    group,
    name: "the first waiter stopped for three leases while the second one's turn comes",
    stores: ["directory", "zookeeper"],
    expected: { kind: "takeover", within: "lease", after: "fault", runs: 3 },
    holderExit: [0],
    play: firstStopped,
  },
];
