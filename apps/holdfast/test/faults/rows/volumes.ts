import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import {
  CANDIDATE,
  command,
  cutOff,
  exitText,
  type Fault,
  type FaultRow,
  lookAt,
  type Played,
  processOf,
  type Run,
  type Scene,
  setStage,
  stateOf,
  stopCleanly,
  takeover,
  thaw,
  until,
  watchEnd,
} from "@holdfast/testkit";

const group = "the volume";
const VOLUME_CODE = 81;
const CHECK_MS = 200;
const TIMEOUT_MS = 600;
const flags = [
  "--volume-must-be-mounted",
  "--volume-check-ms",
  String(CHECK_MS),
  "--volume-timeout-ms",
  String(TIMEOUT_MS),
];
const checked = { holder: { flags }, candidate: { flags } };

const mountsAt = (path: string) =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${path} `));

/** Unmounted under the holder (lazily: its open files go on working, which is the danger). */
const unmounted = (): Fault => ({
  durationMs: null,
  async inject({ scene, holder }) {
    const path = await scene.volumePath(holder.agent);
    await command(["umount", "-l", path]);
    return { observed: `${mountsAt(path).length} mounts at the holder's path` };
  },
});

/** The disk's file system meets an error and turns read-only, as after a bad block. */
async function readOnly(scene: Scene): Promise<Played> {
  const { profile, volume } = scene;
  const { holder, candidate } = await setStage(scene, {
    holder: { flags, writer: { sync: true, onWriteError: "go-on" } },
    candidate: { flags },
  });
  const faultMs = monotonicMs();
  await command(["sh", "-c", `echo 1 > /sys/fs/ext4/${basename(volume.device ?? "")}/trigger_fs_error`]);
  const holderExit = exitText(await holder.untilExit(profile.patienceMs));
  const next = exitText(await candidate.untilExit(profile.patienceMs));
  if (next !== VOLUME_CODE)
    throw new Error(`the candidate on the read-only volume ended with ${next}, expected ${VOLUME_CODE}`);
  const options = mountsAt(volume.root)[0]?.split(" - ")[1] ?? "";
  return { moments: { fault: faultMs }, observed: `mountinfo: ${options}`, holderExit };
}

/**
 * All writes to the file system block (fsfreeze), and with them the application: state D, which SIGKILL does not end.
 * The lease must not be released while it is there; the run yields, and a successor needs a person's word.
 */
async function hung(scene: Scene): Promise<Played> {
  const { profile, volume } = scene;
  const { holder, candidate, tree } = await setStage(scene, checked);
  const app = processOf(tree, "app");
  const end = watchEnd(tree.root);
  try {
    const faultMs = monotonicMs();
    await command(["fsfreeze", "-f", volume.root]);
    try {
      await until("the application to hang", () => stateOf(app) === "D", {
        timeoutMs: profile.patienceMs,
        intervalMs: 2,
      });
      const holderExit = exitText(await holder.untilExit(profile.patienceMs));
      const state = stateOf(app);
      await pause(Math.max(0, faultMs + profile.longFaultMs - monotonicMs()));
      if (candidate.acknowledged() > 0) throw new Error("a successor wrote while the former application hung");
      await command(["fsfreeze", "-u", volume.root]);
      await until("the holder's tree to be gone", () => end.gone(), { timeoutMs: profile.patienceMs });
      const confirmedMs = monotonicMs();
      await scene.tool(CANDIDATE, "lock", "fenced", "--epoch", "1", "--confirm");
      await scene.untilWritten(candidate, profile.writesAfter);
      await stopCleanly(candidate, profile.patienceMs);
      return {
        moments: { fault: faultMs, "tree-gone": end.lastAliveMs(), healed: confirmedMs },
        observed: `application ${app.pid} D; when the wrapper had ended: ${state}`,
        holderExit,
      };
    } finally {
      // Also after a failure in the middle: nothing ends a process that hangs there.
      await thaw(volume.root);
    }
  } finally {
    end.stop();
  }
}

/** Somebody else has the claim when the holder dies, and keeps it for two leases: the client of a dead machine. */
async function claimHeld(scene: Scene): Promise<Played> {
  const { profile } = scene;
  const { holder, candidate, tree } = await setStage(scene);
  const claim = join(await scene.volumePath(CANDIDATE), ".holdfast", "claim");
  const other = scene.startAside("other", ["flock", "--no-fork", "-x", claim, "sleep", "100000"]);
  await until("the other client to wait for the claim", () => isCommand(other, "flock"), {
    timeoutMs: profile.patienceMs,
  });
  const end = watchEnd(tree.root);
  try {
    const faultMs = monotonicMs();
    for (const role of ["lock", "guard", "sentry", "init"] as const) process.kill(processOf(tree, role).pid, "SIGKILL");
    await until("the other client to have the claim", () => isCommand(other, "sleep"), {
      timeoutMs: profile.patienceMs,
    });
    const holderExit = exitText(await holder.untilExit(profile.patienceMs));
    await scene.untilPhase(candidate, "waiting-for-claim");
    await pause(2 * profile.timing.leaseMs);
    const phase = await scene.wrapper.phase(candidate);
    if (phase !== "waiting-for-claim" || candidate.acknowledged() > 0)
      throw new Error(`the candidate is ${phase} with ${candidate.acknowledged()} writes while another has the claim`);
    const freedMs = monotonicMs();
    other.signal("SIGKILL");
    await scene.untilWritten(candidate, profile.writesAfter);
    await stopCleanly(candidate, profile.patienceMs);
    return {
      moments: { fault: faultMs, "tree-gone": end.lastAliveMs(), healed: freedMs },
      observed: `claim held by process ${other.pid} from the end of the tree for ${(freedMs - faultMs).toFixed(0)} ms`,
      holderExit,
    };
  } finally {
    end.stop();
  }
}

/**
 * The holder writes without syncing when its agent loses the store; it is killed with its last writes in the page
 * cache. The successor syncs each of its own. Read back from the disk, nothing of the successor's may have been
 * overwritten, also not after the old agent is back.
 */
async function buffered(scene: Scene): Promise<Played> {
  const played = await takeover(({ profile }) => cutOff(profile.longFaultMs), {
    holder: { flags, writer: { periodMs: 1 } },
    candidate: { flags, writer: { sync: true } },
  })(scene);
  // What is dirty stays in memory and would be read from there; what was synced is read from the disk again.
  await command(["sh", "-c", "echo 1 > /proc/sys/vm/drop_caches"]);
  return played;
}

const isCommand = (run: Run, name: string) => lookAt(run.pid)?.argv[0] === name;

const AFTER_REPAIR = { kind: "stopped-then-takeover", within: "lease", after: "healed" } as const;

export const volumeRows: readonly FaultRow[] = [
  {
    group,
    name: "unmounted under the holder",
    stores: ["directory"],
    short: ["directory"],
    volume: "disk",
    expected: { kind: "takeover", within: "fast", after: "tree-gone" },
    holderExit: [VOLUME_CODE],
    released: true,
    play: takeover(unmounted, checked),
  },
  {
    group,
    name: "turned read-only",
    stores: ["directory"],
    volume: "disk",
    expected: { kind: "stopped" },
    holderExit: [VOLUME_CODE],
    play: readOnly,
  },
  {
    group,
    name: "hangs for three leases, the application in state D; the operator confirms its end",
    stores: ["directory", "zookeeper"],
    volume: "disk",
    expected: AFTER_REPAIR,
    holderExit: [VOLUME_CODE],
    play: hung,
  },
  {
    group,
    name: "unsynced writes in flight when the agent is cut off and its application killed",
    stores: ["directory", "zookeeper"],
    volume: "disk",
    expected: { kind: "takeover", within: "lease", after: "fault" },
    holderExit: [80],
    play: buffered,
  },
  {
    group,
    name: "the claim held by a dead client for two leases",
    stores: ["directory", "zookeeper"],
    volume: "shared-claim",
    expected: AFTER_REPAIR,
    holderExit: ["SIGKILL"],
    play: claimHeld,
  },
];
