import type { StorageCapabilities, StorageExplanation, Volume } from "@holdfast/core";
import { persistenceIdOf } from "./operator/names.js";
import { type MesosVolume, mesosVolume } from "./options.js";

export const MESOS_BACKEND = "mesos-persistent-volume";

/** Finding what is mounted, and nothing else. */
const CUT_MS_MAX = 500;

/** Pure. `restores`: the factory was given a source. */
export function mesosCapabilities(volume: Volume, restores: boolean): StorageCapabilities {
  const { options, bound } = mesosVolume(volume);
  const restoring = options.onAgentLoss === "restore-elsewhere";
  const direct = options.through === "mesos";
  return {
    backend: MESOS_BACKEND,
    movesBetweenAgents: false,
    mounts: bound,
    fences: false,
    crossAgentLocks: false,
    snapshots: false,
    provisions: direct,
    destroys: direct,
    repairs: false,
    restores: restoring && restores,
    // A persistent volume is a directory of the agent: only its kernel ever writes there.
    cut: "local",
    declaredGrade: "lease-only",
    cutMsMax: CUT_MS_MAX,
    claimWaitMs: 0,
    declaredLoss: restoring
      ? "what was written after the backup from which a new volume is filled, when the agent with the data is lost"
      : null,
  };
}

/** Pure. */
export function explainMesos(volume: Volume, restores: boolean): StorageExplanation {
  const mesos = mesosVolume(volume);
  const { options, mountPath, bound } = mesos;
  const marathon = options.through === "marathon";
  return {
    statements: [...madeBy(volume, mesos), ...promises(mesos, restores)],
    commands: {
      ...(bound ? { mount: [`mount --bind ${sourceOf(mesos)} ${mountPath}`], unmount: [`umount ${mountPath}`] } : {}),
      ...(marathon ? {} : { provision: [`RESERVE_RESOURCES, CREATE_VOLUMES ${persistenceIdOf(volume)}`] }),
      ...(marathon ? {} : { destroy: [`DESTROY_VOLUMES ${persistenceIdOf(volume)}, UNRESERVE_RESOURCES`] }),
    },
    settings: settingsOf(mesos),
  };
}

function madeBy(volume: Volume, { options, name }: MesosVolume): readonly string[] {
  const size = volume.diskMiB === null ? "diskMiB is missing" : `${volume.diskMiB} MiB`;
  const fixed =
    "Its size, and cpus, memory, disk and host ports of the app, cannot change once it exists: another size is a new service and a copy of the data.";
  if (options.through === "mesos") {
    return [
      `The volume ${persistenceIdOf(volume)} (${size}) is reserved for role ${options.mesosRole} on ${options.agents?.[0]} by the operator API, once; it is found again by this id, whatever id the agent has by then.`,
      "The role must be this service's alone: Mesos offers the volume to every framework in it.",
    ];
  }
  return [
    `Marathon reserves ${size} on an agent that has it and makes a persistent volume there; the task finds it as ${name} in its sandbox.`,
    "The volume keeps the task: Marathon launches it where its volume is and nowhere else, waits without limit, and checks constraints again at each launch.",
    "The first run finds the new volume unmarked, ends with VOLUME_UNMARKED and starts nothing: mark it once on its agent, then the next launch finds it.",
    fixed,
    "A stop or a scale to 0 keeps the reservation, suspended, with its data. Deleting the app, and wipe=true, destroy it.",
  ];
}

function promises({ options }: MesosVolume, restores: boolean): readonly string[] {
  const statements = [
    "A second writer could only be on the same agent: the lease keeps it out, and there the kernel's own lock on the volume shows whoever is left. Nothing cuts a former holder off at the storage, so the grade is lease-only.",
    "When the agent is lost the service waits for it, and nothing here wipes or gives up a reservation by itself.",
    "When an operator marks the agent gone, Mesos forgets the volume and Marathon makes a new, empty one elsewhere: it does not carry the mark on record, so the run stops with IDENTITY_MISMATCH and nothing is started on it.",
  ];
  if (options.onAgentLoss === "restore-elsewhere") {
    statements.push(
      `onAgentLoss permits a restore from ${options.restoreFrom} into such an empty volume, after the loss was decided on record: what was written after that backup is lost, and a data-loss receipt says so first.`,
    );
    if (!restores)
      statements.push("There is no restore source in this program yet: until then the service waits instead.");
  }
  return statements;
}

function settingsOf({ options, mountPath }: MesosVolume): StorageExplanation["settings"] {
  const settings: StorageExplanation["settings"][number][] = [];
  if (options.through === "marathon") {
    settings.push(
      { name: "--mesos_role", value: options.mesosRole ?? "not *", why: "resident apps cannot have the role *" },
      {
        name: "--mesos_authentication_principal",
        value: options.principal ?? "any",
        why: "without one Mesos ignores the reservation, and the app waits for ever",
      },
    );
  }
  if (options.view === "mount-path") {
    settings.push({
      name: "--isolation",
      value: "filesystem/linux",
      why: `otherwise Mesos cannot show the volume at ${mountPath}`,
    });
  }
  return settings;
}

function sourceOf({ options, name }: MesosVolume): string {
  return options.path ?? `"$MESOS_SANDBOX/${name}"`;
}
