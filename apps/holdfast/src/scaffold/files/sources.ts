import { pascalCase, type ScaffoldOptions } from "../options.js";

export function indexSource({ type }: ScaffoldOptions): string {
  const create = `create${pascalCase(type)}Strategy`;
  return `import { ${create} } from "./strategy.js";

export { optionsSchema } from "./options.js";
export { ${create} };

/**
 * What Holdfast loads.
 *
 * @satisfies {import("@holdfast/core").Plugin}
 */
export const holdfastPlugin = { apiVersion: 1, strategies: [${create}()] };
`;
}

export function optionsSource({ type }: ScaffoldOptions): string {
  return `import { HoldfastError } from "@holdfast/core";
import * as z from "zod";

/** What a service file may say under \`options\`. Strict: a misspelt key is an error, and not silently ignored. */
export const optionsSchema = z.strictObject({
  fsType: z
    .string()
    .min(1)
    .optional()
    .describe("File system that must be mounted there, by its name in /proc/self/mountinfo: nfs4, ceph, ext4."),
});

/**
 * Each call parses the options itself, because nothing is kept in memory between calls: the next one may come from
 * another process on another machine.
 *
 * @param {import("@holdfast/core").Volume} volume
 */
export function optionsOf(volume) {
  const parsed = optionsSchema.safeParse(volume.options ?? {});
  if (parsed.success) return parsed.data;
  throw new HoldfastError("INVALID_SPEC", "The options of " + volume.role + ": " + z.prettifyError(parsed.error), {
    hint: "See the options of ${type} in its README.",
  });
}
`;
}

export function strategySource({ type }: ScaffoldOptions): string {
  return `import { HoldfastError } from "@holdfast/core";
import { optionsOf, optionsSchema } from "./options.js";

/** A look at a volume is given up after this; a hung server must hang nobody. */
const LOOK_MS = 5_000;
/** What may be left unwritten when a run stops. */
const SYNC_MS = 20_000;
/** Goes into the lease's margin, so it is short. What is not written back by then is not claimed to be. */
const CUT_MS_MAX = 2_000;

/**
 * Directories that an operator mounted at the same path on every agent. It mounts and fences nothing: a place to begin.
 * Every call is idempotent, takes all its effects from \`op\`, and fails with one of the codes of @holdfast/core.
 */
export function create${pascalCase(type)}Strategy() {
  /** @satisfies {import("@holdfast/core").StorageStrategy} */
  const strategy = {
    apiVersion: 1,
    type: "${type}",
    optionsSchema,

    // Pure: decisions over plain data. Holdfast asks them for plans and dry runs too, and expects equal answers.

    capabilities(volume) {
      optionsOf(volume);
      return {
        backend: "${type}",
        movesBetweenAgents: true,
        mounts: false,
        fences: false,
        crossAgentLocks: false,
        snapshots: false,
        provisions: false,
        destroys: false,
        repairs: false,
        restores: false,
        // The kernel may still be writing back for a dead process; only a sync tells when it is done.
        cut: "after-sync",
        // Claim only what the suite can see. Without a fence, the lease and its deadline are all there is.
        declaredGrade: "lease-only",
        cutMsMax: CUT_MS_MAX,
        claimWaitMs: 0,
        declaredLoss: null,
      };
    },
    // Null: the suite has not tried this on the real thing yet. See the README, "What the suite proves".
    proof: () => null,
    explain: (volume) => ({
      statements: [
        "The operator mounts " + volume.mountPath + " on every agent; it is verified and never mounted.",
        "Nothing fences a former holder: data that was on its way to the server may arrive late.",
      ],
      commands: {},
      settings: [],
    }),
    placement: () => ({ kind: "any" }),
    plan: (_volume, _observed, target) => ({
      kind: "steps",
      steps: [{ verb: "attach", agent: target.agent, why: "it runs there next" }],
    }),

    // Controller side: may run on another machine than the volume.

    observe: async () => ({ exists: true, attachments: [], fenced: [], recorded: null, detail: {} }),
    attach: async (_op, volume, agent) => ({ agent, mountPath: volume.mountPath }),
    detach: async () => undefined,
    async fence(_op, _volume, former) {
      throw new HoldfastError("UNFENCEABLE", "Agent " + former.agent + " cannot be cut off from here.", {
        hint: "Make sure by hand that it no longer writes.",
        detail: { agent: former.agent },
      });
    },
    unfence: async () => undefined,

    // Node side: runs on the agent, in the run's own process tree and mount namespace.

    async prepare(op, volume, _context, grant) {
      const seen = await lookAt(op, volume);
      const { fsType } = optionsOf(volume);
      if (fsType !== undefined && fsType !== seen.fsType) {
        throw new HoldfastError("INCOMPATIBLE", seen.path + " is " + seen.fsType + ", not " + fsType + ".", {
          hint: "Is it mounted? Nothing was written.",
        });
      }
      if (seen.epoch !== null && seen.epoch > grant.epoch) {
        throw new HoldfastError("STALE_EPOCH", seen.path + " was used under epoch " + seen.epoch + ".", {
          hint: "Stop; a later run has had this volume.",
          detail: { epoch: seen.epoch },
        });
      }
    },
    async check(op, volume) {
      const seen = await lookAt(op, volume);
      if (!seen.readOnly) return { state: "clean", safeToRepair: true, findings: [], command: null };
      return {
        state: "needs-repair",
        safeToRepair: false,
        findings: [seen.path + " is mounted read-only"],
        command: "dmesg | tail",
      };
    },
    mount: async () => undefined,
    // Evidence, no decision: Holdfast compares it with the grant.
    verify: (op, volume) => op.volumes.look(volume.mountPath, { timeoutMs: LOOK_MS }),
    async cut(op, volume) {
      try {
        await op.volumes.sync(volume.mountPath, { timeoutMs: CUT_MS_MAX });
        return { kind: "cut", evidence: volume.mountPath + " was synced after the last process was gone" };
      } catch (error) {
        return { kind: "incomplete", needsFence: error instanceof Error ? error.message : String(error) };
      }
    },
    async unmount(op, volume) {
      const seen = await op.volumes.look(volume.mountPath, { timeoutMs: LOOK_MS });
      if (seen.mounted) await op.volumes.sync(volume.mountPath, { timeoutMs: SYNC_MS });
    },
    release: async () => undefined,
    async metrics(op, volume) {
      const usage = await op.volumes.usage(volume.mountPath, { timeoutMs: LOOK_MS });
      return { ...usage, detail: {} };
    },
  };
  return strategy;
}

/**
 * @param {import("@holdfast/core").Op} op
 * @param {import("@holdfast/core").Volume} volume
 */
async function lookAt(op, volume) {
  const seen = await op.volumes.look(volume.mountPath, { timeoutMs: LOOK_MS });
  if (seen.mounted) return seen;
  throw new HoldfastError("NOT_FOUND", "There is no directory " + volume.mountPath + " on this agent.", {
    hint: "Mount it; it is not made here, because a server that is not mounted looks the same.",
  });
}
`;
}
