import { directoryFindings, HoldfastError, type Plugin, type StorageStrategy } from "@holdfast/core";
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
import { explainLocal, LOCAL_BACKEND, localCapabilities } from "./capabilities.js";
import { localPinOptionsSchema, localVolume } from "./options.js";
import { placeLocal } from "./placement.js";
import { planLocal } from "./plan.js";
import { PROVEN } from "./proven.js";

const INSPECT_MS = 5_000;

export interface LocalPinDependencies {
  /** Where `onAgentLoss: restore-elsewhere` restores from. Without one, the service waits. */
  readonly restoreSource?: RestoreSource;
}

/** Data on the agent's own disk: pinned to one agent, never started elsewhere on an empty directory. */
export function createLocalPinStrategy(dependencies: LocalPinDependencies = {}) {
  const source = dependencies.restoreSource ?? null;
  const restores = source !== null;
  return {
    apiVersion: 1,
    type: "local-pin",
    optionsSchema: localPinOptionsSchema,
    capabilities: (volume) => localCapabilities(volume, restores),
    proof: () => PROVEN[LOCAL_BACKEND] ?? null,
    explain: (volume) => explainLocal(volume, restores),
    placement: (volume, observed, agents) => placeLocal(volume, observed, agents, restores),
    plan(volume, observed, target) {
      localVolume(volume);
      return planLocal(observed, target);
    },
    async observe(_op, volume) {
      const { path } = localVolume(volume);
      // The controller's machine is another one than the agent's; whether the directory is there, the node half sees.
      return { exists: true, attachments: [], fenced: [], recorded: null, detail: { path, seenBy: "the agent alone" } };
    },
    async attach(_op, volume, agent) {
      return { agent, path: localVolume(volume).path };
    },
    // There is no server that could be told.
    detach: async () => undefined,
    unfence: async () => undefined,
    async fence(_op, volume, former) {
      throw new HoldfastError("UNFENCEABLE", `Nothing can cut agent ${former.agent} off its own disk.`, {
        hint: `Look at ${former.agent}: end what is left of the run of epoch ${former.epoch}, or restart the machine.`,
        detail: { agent: former.agent, path: localVolume(volume).path },
      });
    },
    async inspect(op, volume) {
      const local = localVolume(volume);
      const seen = await op.volumes.look(local.path, { timeoutMs: INSPECT_MS });
      const usage = seen.mounted ? await op.volumes.usage(local.path, { timeoutMs: INSPECT_MS }) : null;
      return directoryFindings(local.path, await op.mounts(), usage, volume.diskMiB);
    },
    async prepare(op, volume, context, grant) {
      const local = localVolume(volume);
      if (context.agent !== undefined && context.agent !== grant.agent) {
        throw new HoldfastError(
          "HELD_BY_OTHER",
          `The volume was attached for ${context.agent}, not for ${grant.agent}.`,
          {
            hint: "Observe and plan again.",
            retryable: true,
            detail: { agent: context.agent },
          },
        );
      }
      await prepareDirectory(op, local, grant);
    },
    check: (op, volume) => checkDirectory(op, localVolume(volume)),
    mount: (op, volume, _context, grant) => bindDirectory(op, localVolume(volume), grant),
    verify: (op, volume) => verifyDirectory(op, localVolume(volume)),
    cut: (op, volume) => cutDirectory(op, localVolume(volume)),
    unmount: (op, volume) => unbindDirectory(op, localVolume(volume)),
    release: async () => undefined,
    metrics: (op, volume) => measureDirectory(op, localVolume(volume)),
    async restore(op, volume, from, grant) {
      const local = localVolume(volume);
      const permitted = local.options.onAgentLoss === "restore-elsewhere";
      return restoreLocalVolume(op, volume, { local, permitted, from, grant, source });
    },
  } satisfies StorageStrategy;
}

export const holdfastPlugin = { apiVersion: 1, strategies: [createLocalPinStrategy()] } satisfies Plugin;
