import type { StorageStrategy } from "@holdfast/core";
import { nbdCapabilities } from "./capabilities.js";
import { parseContext } from "./context.js";
import { attach, detach, fence, observe, unfence } from "./controller.js";
import { explainNbd } from "./explain.js";
import { inspect } from "./inspect.js";
import { check } from "./node/check.js";
import { cut } from "./node/cut.js";
import { connect, refuseLostGrant } from "./node/device.js";
import { format } from "./node/format.js";
import { metrics } from "./node/metrics.js";
import { mount, unmount } from "./node/mount.js";
import { release } from "./node/release.js";
import { repair } from "./node/repair.js";
import { nbdOptionsSchema, parseNbdOptions } from "./options.js";
import { planNbd } from "./plan.js";
import { PROVEN } from "./proven.js";

const LOOK_MS = 10_000;

/** A network block device with ext4 or xfs on it, attached to one agent at a time. */
export function createNbdStrategy() {
  return {
    apiVersion: 1,
    type: "nbd",
    optionsSchema: nbdOptionsSchema,

    capabilities: (volume) => nbdCapabilities(parseNbdOptions(volume)),
    proof: (volume) => PROVEN[nbdCapabilities(parseNbdOptions(volume)).backend] ?? null,
    explain: (volume) => explainNbd(volume, parseNbdOptions(volume)),
    placement: () => ({ kind: "any" }),
    plan: (_volume, observed, target) => planNbd(observed, target),

    observe,
    attach,
    detach,
    fence,
    unfence,
    inspect,

    async prepare(op, volume, context, grant) {
      const parsed = parseContext(context, grant);
      refuseLostGrant(grant);
      await connect(op, volume, parseNbdOptions(volume), parsed);
    },
    check: (op, volume, context) => check(op, volume, parseNbdOptions(volume), parseContext(context)),
    repair: (op, volume, context, grant, how) =>
      repair(op, volume, parseNbdOptions(volume), parseContext(context, grant), grant, how),
    format: (op, volume, context, grant) =>
      format(op, volume, parseNbdOptions(volume), parseContext(context, grant), grant),
    mount: (op, volume, context, grant) =>
      mount(op, volume, parseNbdOptions(volume), parseContext(context, grant), grant),
    async verify(op, volume) {
      return { ...(await op.volumes.look(volume.mountPath, { timeoutMs: LOOK_MS })), locking: "local-only" };
    },
    cut: (op, volume) => cut(op, parseNbdOptions(volume)),
    unmount: (op, volume) => unmount(op, volume, parseNbdOptions(volume)),
    release: (op, volume) => release(op, volume, parseNbdOptions(volume)),
    metrics,
  } satisfies StorageStrategy;
}
