import {
  type AgentId,
  type CheckResult,
  type CutResult,
  type Epoch,
  type Grant,
  HoldfastError,
  type ObservedVolume,
  type StorageCapabilities,
  type StoragePlan,
  type StorageStep,
  type StorageStrategy,
  type StorageTarget,
  type Volume,
} from "@holdfast/core";
import * as z from "zod";

export interface FakeVolumeState {
  attached: { agent: AgentId; epoch: Epoch } | null;
  /** Every agent that had it, with its last epoch. */
  readonly former: Map<AgentId, { epoch: Epoch; fenced: boolean }>;
  mountedBy: AgentId | null;
  epochSeen: Epoch;
  condition: CheckResult;
  cut: CutResult;
}

export interface FakeStorageStrategy extends StorageStrategy {
  /** Verbs called so far: `attach`, `mount`, … */
  readonly calls: readonly string[];
  state(volume: Pick<Volume, "service" | "role">): FakeVolumeState;
  /** The next call of this verb fails with this error. */
  failNext(verb: string, error: HoldfastError): void;
}

const DEFAULT_CAPABILITIES: StorageCapabilities = {
  backend: "memory",
  cut: "local",
  declaredLoss: null,
  movesBetweenAgents: true,
  mounts: true,
  fences: true,
  crossAgentLocks: true,
  snapshots: false,
  provisions: false,
  destroys: false,
  repairs: false,
  restores: false,
  declaredGrade: "storage-fenced",
  cutMsMax: 100,
  claimWaitMs: 1_000,
};

/** A volume in memory that keeps the contract: idempotent, one agent at a time, older epochs refused. */
export function createFakeStorageStrategy(
  options: { readonly type?: string; readonly capabilities?: Partial<StorageCapabilities> } = {},
): FakeStorageStrategy {
  const calls: string[] = [];
  const failures = new Map<string, HoldfastError>();
  const volumes = new Map<string, FakeVolumeState>();

  function state(volume: Pick<Volume, "service" | "role">): FakeVolumeState {
    const key = `${volume.service}/${volume.role}`;
    let found = volumes.get(key);
    if (found === undefined) {
      found = {
        attached: null,
        former: new Map(),
        mountedBy: null,
        epochSeen: 0n,
        condition: { state: "clean", safeToRepair: true, findings: [], command: null },
        cut: { kind: "cut", evidence: "nothing is kept in memory" },
      };
      volumes.set(key, found);
    }
    return found;
  }

  function begin(verb: string, volume: Volume, grant?: Grant): FakeVolumeState {
    calls.push(verb);
    const failure = failures.get(verb);
    failures.delete(verb);
    if (failure !== undefined) throw failure;
    const found = state(volume);
    if (grant !== undefined && grant.epoch < found.epochSeen) {
      throw new HoldfastError("STALE_EPOCH", `Epoch ${grant.epoch} is older than ${found.epochSeen}.`, {
        hint: "Stop; the grant is void.",
      });
    }
    if (grant !== undefined) found.epochSeen = grant.epoch;
    return found;
  }

  const type = options.type ?? "fake";
  return {
    apiVersion: 1,
    type,
    capabilities: () => ({ ...DEFAULT_CAPABILITIES, ...options.capabilities }),
    proof: () => null,
    explain: () => ({ statements: [], commands: {}, settings: [] }),
    optionsSchema: z.looseObject({}),
    calls,
    state,
    failNext: (verb, error) => void failures.set(verb, error),
    placement: () => ({ kind: "any" }),
    plan: (_volume, observed, target) => planFake(observed, target),
    async observe(_op, volume) {
      const { attached, former } = begin("observe", volume);
      return {
        exists: true,
        attachments: attached === null ? [] : [attached],
        fenced: [...former].filter(([, { fenced }]) => fenced).map(([agent]) => agent),
        recorded: null,
        detail: {},
      };
    },
    async attach(_op, volume, agent, grant) {
      const found = begin("attach", volume, grant);
      if (found.attached !== null && found.attached.agent !== agent) {
        throw new HoldfastError("HELD_BY_OTHER", `Attached to ${found.attached.agent}.`, {
          hint: "Wait, or plan a fence.",
          retryable: true,
          detail: found.attached,
        });
      }
      found.attached = { agent, epoch: grant.epoch };
      found.former.set(agent, { epoch: grant.epoch, fenced: false });
      return { volume: `${volume.service}/${volume.role}`, epoch: grant.epoch.toString() };
    },
    async detach(_op, volume, agent) {
      const found = begin("detach", volume);
      if (found.attached?.agent === agent) found.attached = null;
    },
    async fence(op, volume, former, grant) {
      const found = begin("fence", volume, grant);
      found.former.set(former.agent, { epoch: former.epoch, fenced: true });
      if (found.attached?.agent === former.agent) found.attached = null;
      if (found.mountedBy === former.agent) found.mountedBy = null;
      return {
        fencedEpoch: former.epoch,
        agent: former.agent,
        byEpoch: grant.epoch,
        strategy: type,
        at: op.clock.wallTime(),
        evidence: `${former.agent} is not attached`,
      };
    },
    async unfence(_op, volume, agent) {
      begin("unfence", volume).former.delete(agent);
    },
    async prepare(_op, volume, _context, grant) {
      begin("prepare", volume, grant);
    },
    check: async (_op, volume) => begin("check", volume).condition,
    async mount(_op, volume, _context, grant) {
      const found = begin("mount", volume, grant);
      if (found.attached?.agent !== grant.agent) {
        throw new HoldfastError("NOT_FOUND", `Not attached to ${grant.agent}.`, { hint: "Attach it first." });
      }
      found.mountedBy = grant.agent;
    },
    async verify(_op, volume, grant) {
      const found = begin("verify", volume, grant);
      return {
        path: volume.mountPath,
        mounted: found.mountedBy === grant.agent,
        source: "fake",
        fsType: "fake",
        device: "0:1",
        parentDevice: "0:2",
        readOnly: false,
        mark: null,
        epoch: found.epochSeen,
        epochRun: grant.run,
        leaseMs: null,
        empty: false,
        locking: "cross-agent",
      };
    },
    cut: async (_op, volume) => begin("cut", volume).cut,
    async unmount(_op, volume) {
      begin("unmount", volume).mountedBy = null;
    },
    async release(_op, volume) {
      begin("release", volume);
    },
    async metrics(_op, volume) {
      begin("metrics", volume);
      return { spaceBytes: 1_000_000, spaceFreeBytes: 500_000, inodesFree: null, detail: {} };
    },
  };
}

/** Pure. */
function planFake(observed: ObservedVolume, target: StorageTarget): StoragePlan {
  const steps: StorageStep[] = [];
  for (const former of target.former) {
    if (former.agent === target.agent || observed.fenced.includes(former.agent)) continue;
    steps.push({ verb: "fence", former, why: `${former.agent} had epoch ${former.epoch} and did not release` });
  }
  if (observed.fenced.includes(target.agent)) {
    steps.push({ verb: "unfence", agent: target.agent, why: "it runs there next" });
  }
  if (!observed.attachments.some(({ agent, epoch }) => agent === target.agent && epoch === target.epoch)) {
    steps.push({ verb: "attach", agent: target.agent, why: "it runs there next" });
  }
  return { kind: "steps", steps };
}
