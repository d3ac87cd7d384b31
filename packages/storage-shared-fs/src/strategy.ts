import type { StorageStrategy, Volume } from "@holdfast/core";
import { backendOf, sharedFsCapabilities } from "./capabilities.js";
import { explainSharedFs } from "./explain.js";
import { inspectMount } from "./inspect.js";
import { cutVolume } from "./node/cut.js";
import { mountVolume, unmountVolume } from "./node/mount.js";
import { checkVolume, verifyVolume } from "./node/verify.js";
import { parseSharedFsOptions, sharedFsOptionsSchema } from "./options.js";
import { planSharedFs } from "./plan.js";
import { PROVEN } from "./proven.js";
import { controllerOf } from "./server/pick.js";

const EVIDENCE_LENGTH_MAX = 4_000;

/** A file server that all agents reach: NFS, mounted by us or by the operator, or anything the operator mounts. */
export function createSharedFsStrategy() {
  const options = parseSharedFsOptions;
  const controller = (volume: Volume) => controllerOf(options(volume));
  return {
    apiVersion: 1,
    type: "shared-fs",
    optionsSchema: sharedFsOptionsSchema,
    capabilities: (volume) => sharedFsCapabilities(options(volume)),
    proof: (volume) => PROVEN[backendOf(options(volume))] ?? null,
    explain: (volume) => explainSharedFs(volume, options(volume)),
    placement: () => ({ kind: "any" }),
    plan: (volume, observed, target) => planSharedFs(observed, target, options(volume).server.kind !== "none"),
    observe: async (op, volume) => ({ ...(await controller(volume).observe(op, volume)), recorded: null }),
    async attach(op, volume, agent, grant) {
      await controller(volume).attach(op, volume, agent, grant.epoch);
      return { source: options(volume).source };
    },
    detach: (op, volume, agent) => controller(volume).detach(op, volume, agent),
    async fence(op, volume, former, grant) {
      const evidence = await controller(volume).fence(op, volume, former, grant.epoch);
      return {
        fencedEpoch: former.epoch,
        agent: former.agent,
        byEpoch: grant.epoch,
        strategy: "shared-fs",
        at: op.clock.wallTime(),
        evidence: evidence.slice(0, EVIDENCE_LENGTH_MAX),
      };
    },
    unfence: (op, volume, agent) => controller(volume).unfence(op, volume, agent),
    inspect: async (op, volume) => [
      ...(await controller(volume).inspect(op, volume)),
      ...inspectMount(await op.mounts(), volume.mountPath, options(volume)),
    ],
    async prepare() {
      // A file server is within reach by its address.
    },
    async check(op, volume) {
      await checkVolume(op, volume, options(volume));
      return { state: "clean", safeToRepair: false, findings: [], command: null };
    },
    mount: (op, volume) => mountVolume(op, volume, options(volume)),
    verify: (op, volume) => verifyVolume(op, volume, options(volume)),
    cut: (op, volume) => cutVolume(op, volume, options(volume)),
    unmount: (op, volume) => unmountVolume(op, volume, options(volume)),
    async release() {
      // As prepare.
    },
    async metrics(op, volume) {
      const usage = await op.volumes.usage(volume.mountPath, { timeoutMs: options(volume).lookTimeoutMs });
      return { ...usage, detail: {} };
    },
  } satisfies StorageStrategy;
}
