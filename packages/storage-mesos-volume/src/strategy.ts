import { HoldfastError, type Plugin, type StorageStrategy, type Volume } from "@holdfast/core";
import {
  bindDirectory,
  checkDirectory,
  cutDirectory,
  measureDirectory,
  prepareDirectory,
  type RestoreSource,
  restoreLocalVolume,
  unbindDirectory,
  verifyDirectory,
} from "@holdfast/effects";
import { createMesosClient, type MesosClient } from "@holdfast/mesos";
import { explainMesos, MESOS_BACKEND, mesosCapabilities } from "./capabilities.js";
import { inspectMesos } from "./inspect.js";
import { hasPlace, locate, nameOf } from "./node/locate.js";
import { requireShown, shownAt } from "./node/shown.js";
import { observeMesos } from "./observe.js";
import { destroyFor, provisionFor } from "./operator/for-volume.js";
import { directoryOf, type MesosVolume, mesosVolume, mesosVolumeOptionsSchema } from "./options.js";
import { placeMesos, planMesos } from "./placement.js";
import { PROVEN } from "./proven.js";
import { schedulerVolumeOf } from "./scheduler-volume.js";

export interface MesosVolumeDependencies {
  /** Where `onAgentLoss: restore-elsewhere` restores from. Without one, the service waits. */
  readonly restoreSource?: RestoreSource;
  /** The task's sandbox, in which Mesos shows the volume. Default: MESOS_SANDBOX; null = none. */
  readonly sandbox?: string | null;
  /** Default: a client of the configured masters. */
  readonly connect?: (config: NonNullable<MesosVolume["options"]["api"]>) => MesosClient;
}

/** Data in a Mesos persistent volume: reserved on one agent, found again by its mark, never given up by itself. */
export function createMesosVolumeStrategy(dependencies: MesosVolumeDependencies = {}) {
  const { connect = createMesosClient, restoreSource: source = null } = dependencies;
  const sandbox = dependencies.sandbox === undefined ? (process.env.MESOS_SANDBOX ?? null) : dependencies.sandbox;
  const restores = source !== null;
  const clientOf = ({ options }: MesosVolume) => (options.api === undefined ? null : connect(options.api));
  return {
    apiVersion: 1,
    type: "mesos-volume",
    optionsSchema: mesosVolumeOptionsSchema,
    capabilities: (volume) => mesosCapabilities(volume, restores),
    proof: () => PROVEN[MESOS_BACKEND] ?? null,
    explain: (volume) => explainMesos(volume, restores),
    placement: placeMesos,
    schedulerVolume: schedulerVolumeOf,
    plan(volume, observed, target) {
      mesosVolume(volume);
      return planMesos(observed, target);
    },
    observe: (op, volume) => observeMesos(op, volume, clientOf(mesosVolume(volume))),
    async attach(_op, volume, agent) {
      return { agent, name: mesosVolume(volume).name };
    },
    // Mesos gives the volume to the task and takes it back; there is nobody who could be told.
    detach: async () => undefined,
    unfence: async () => undefined,
    async fence(_op, volume, former) {
      throw new HoldfastError("UNFENCEABLE", `Nothing can cut agent ${former.agent} off its own disk.`, {
        hint: `Look at ${former.agent}: end what is left of the run of epoch ${former.epoch}, or restart the machine.`,
        detail: { agent: former.agent, name: mesosVolume(volume).name },
      });
    },
    inspect(op, volume) {
      const mesos = mesosVolume(volume);
      return inspectMesos(op, volume, { mesos, client: clientOf(mesos), sandbox });
    },
    provision: (op, volume) => provisionFor(op, volume, connect),
    destroy: (op, volume, confirmed) => destroyFor(op, volume, confirmed, connect),
    async prepare(op, volume, context, grant) {
      const mesos = mesosVolume(volume);
      refuseForeign(context.agent, grant.agent, volume);
      if (mesos.options.view === "mount-path") requireShown(shownAt(await op.mounts(), mesos), mesos);
      await prepareDirectory(op, await locate(op, mesos, sandbox), grant);
    },
    async check(op, volume) {
      return checkDirectory(op, await locate(op, mesosVolume(volume), sandbox));
    },
    async mount(op, volume, _context, grant) {
      const mesos = mesosVolume(volume);
      if (mesos.options.view === "mount-path") requireShown(shownAt(await op.mounts(), mesos), mesos);
      await bindDirectory(op, await locate(op, mesos, sandbox), grant);
    },
    async verify(op, volume) {
      const mesos = mesosVolume(volume);
      const seen = await verifyDirectory(op, await locate(op, mesos, sandbox));
      if (mesos.options.view === "sandbox") return seen;
      const shown = shownAt(await op.mounts(), mesos);
      // The id is worth more to a person than the disk: it is what Mesos and Marathon call the volume.
      const source = shown.kind === "shown" && shown.persistenceId !== null ? shown.persistenceId : seen.source;
      return { ...seen, source, mounted: seen.mounted && shown.kind === "shown" };
    },
    async cut(op, volume) {
      const mesos = mesosVolume(volume);
      // Its mounts went with the storage tree; the disk below is the same.
      return cutDirectory(op, directoryOf(mesos, mesos.bound ? nameOf(mesos, sandbox) : mesos.mountPath));
    },
    async unmount(op, volume) {
      const mesos = mesosVolume(volume);
      // Nothing was bound from a place that there is not.
      if (hasPlace(mesos, sandbox)) await unbindDirectory(op, await locate(op, mesos, sandbox));
    },
    release: async () => undefined,
    async metrics(op, volume) {
      return measureDirectory(op, await locate(op, mesosVolume(volume), sandbox));
    },
    async restore(op, volume, from, grant) {
      const mesos = mesosVolume(volume);
      const permitted = mesos.options.onAgentLoss === "restore-elsewhere";
      // Refused without a look: what is not permitted touches nothing.
      const local = permitted && restores ? await locate(op, mesos, sandbox) : directoryOf(mesos, mesos.mountPath);
      return restoreLocalVolume(op, volume, { local, permitted, from, grant, source });
    },
  } satisfies StorageStrategy;
}

function refuseForeign(attached: unknown, agent: string, { role }: Volume): void {
  if (attached === undefined || attached === agent) return;
  throw new HoldfastError(
    "HELD_BY_OTHER",
    `The ${role} volume was attached for ${String(attached)}, not for ${agent}.`,
    {
      hint: "Observe and plan again.",
      retryable: true,
      detail: { agent: attached },
    },
  );
}

export const holdfastPlugin = { apiVersion: 1, strategies: [createMesosVolumeStrategy()] } satisfies Plugin;
