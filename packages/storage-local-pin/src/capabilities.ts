import type { StorageCapabilities, StorageExplanation, Volume } from "@holdfast/core";
import { localVolume } from "./options.js";

export const LOCAL_BACKEND = "local-directory";

/** Finding what is mounted, and nothing else. */
const CUT_MS_MAX = 500;

/** Pure. `restores`: the factory was given a source. */
export function localCapabilities(volume: Volume, restores: boolean): StorageCapabilities {
  const { options, bound } = localVolume(volume);
  const restoring = options.onAgentLoss === "restore-elsewhere";
  return {
    backend: LOCAL_BACKEND,
    movesBetweenAgents: false,
    mounts: bound,
    fences: false,
    crossAgentLocks: false,
    snapshots: false,
    provisions: false,
    destroys: false,
    repairs: false,
    restores: restoring && restores,
    // Only this kernel ever writes to that disk: with the last process of the tree, everything that could write is gone.
    cut: "local",
    declaredGrade: "lease-only",
    cutMsMax: CUT_MS_MAX,
    // flock ends with its last descriptor in the same kernel; what holds it longer is a process that hangs there.
    claimWaitMs: 0,
    declaredLoss: restoring
      ? "what was written after the backup from which another agent is started, when the agent with the data is lost"
      : null,
  };
}

/** Pure. */
export function explainLocal(volume: Volume, restores: boolean): StorageExplanation {
  const { options, path, mountPath, bound } = localVolume(volume);
  const statements = [
    `The data lies in ${path} on one agent's own disk and nowhere else.`,
    "The agent is chosen once, for its spare disk, and put on record; every later run waits for that agent.",
    "A second writer could only be on the same agent: the lease keeps it out, and there the kernel's own lock on the volume shows whoever is left. Nothing cuts a former holder off at the storage, so the grade is lease-only.",
    "An empty directory in place of data that is on record is a loss: nothing is started on it.",
  ];
  if (options.onAgentLoss === "wait") {
    statements.push(
      "When the agent is lost the service waits for it. The loss of its disk is the loss of the data, up to the last backup.",
    );
  } else {
    statements.push(
      `When the agent is lost, whoever sees the agents moves the pin, and another agent starts from the backup ${options.restoreFrom}: what was written after that backup is lost, and a data-loss receipt says so before the application starts.`,
      "exclusivity.onStoreLoss must be stop: once a copy may run elsewhere, the store is what keeps the two apart.",
    );
    if (!restores)
      statements.push("There is no restore source in this program yet: until then the service waits instead.");
  }
  return {
    statements,
    commands: bound ? { mount: [`mount --bind ${path} ${mountPath}`], unmount: [`umount ${mountPath}`] } : {},
    settings: [
      {
        name: "path",
        value: path,
        why: "on every agent that may be chosen, a directory that is on a local disk and survives a restart",
      },
    ],
  };
}
