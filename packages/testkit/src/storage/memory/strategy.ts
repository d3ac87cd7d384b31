import {
  type AttachContext,
  type Grant,
  HoldfastError,
  hasCode,
  isReadOnly,
  type MountEntry,
  type ObservedVolume,
  type Op,
  type StorageCapabilities,
  type StoragePlan,
  type StorageStep,
  type StorageStrategy,
  type StorageTarget,
  type Volume,
} from "@holdfast/core";
import { imageOptionsSchema } from "./options.js";
import { askServer, optionsOf } from "./server-client.js";

const LIMIT_MS = 10_000;
const VOLUME_MS = 3_000;
export const IMAGE_BACKEND = "image";

const CAPABILITIES: StorageCapabilities = {
  backend: IMAGE_BACKEND,
  movesBetweenAgents: true,
  mounts: true,
  fences: true,
  crossAgentLocks: false,
  snapshots: false,
  provisions: false,
  destroys: false,
  repairs: false,
  restores: false,
  cut: "local",
  declaredGrade: "storage-fenced",
  cutMsMax: 5_000,
  claimWaitMs: 1_000,
  declaredLoss: null,
};

/**
 * An ext4 file system in an image file, attached to one agent at a time. What the suite is tried on: small, correct,
 * and real in what counts (mounts, dead trees, a fence that the kernel enforces). All agents share this kernel.
 */
export function createImageStrategy(): StorageStrategy {
  return {
    apiVersion: 1,
    type: "image",
    optionsSchema: imageOptionsSchema,
    capabilities: () => CAPABILITIES,
    proof: () => null,
    explain: (volume) => ({
      statements: ["One agent at a time has a name for the image; a fence cuts its devices off."],
      commands: {
        mount: [`mount -t ext4 -o loop EXPORT ${volume.mountPath}`],
        fence: [`${optionsOf(volume).server.command.join(" ")} fence ${optionsOf(volume).volume} AGENT EPOCH`],
      },
      settings: [],
    }),
    placement: () => ({ kind: "any" }),
    plan: (_volume, observed, target) => planImage(observed, target),

    async observe(op, volume) {
      const { stdout } = await askServer(op, volume, "status");
      return { exists: true, recorded: null, ...parseStatus(stdout) };
    },
    async attach(op, volume, agent, grant) {
      const { stdout } = await askServer(op, volume, "attach", agent, grant.epoch.toString());
      return { export: stdout.trim(), agent, epoch: grant.epoch.toString() };
    },
    async detach(op, volume, agent) {
      await askServer(op, volume, "detach", agent);
    },
    async fence(op, volume, former, grant) {
      await askServer(op, volume, "fence", former.agent, grant.epoch.toString());
      const { stdout } = await askServer(op, volume, "cut-devices", former.agent);
      return {
        fencedEpoch: former.epoch,
        agent: former.agent,
        byEpoch: grant.epoch,
        strategy: "image",
        at: op.clock.wallTime(),
        evidence: stdout,
      };
    },
    async unfence(op, volume, agent) {
      await askServer(op, volume, "unfence", agent);
    },

    async prepare(op, _volume, context, grant) {
      await exportOf(op, context, grant);
    },
    async check(op, _volume, context) {
      const path = String(context.export);
      const formatted = (await probeFormat(op, path)) !== "";
      const command = formatted ? null : `mkfs.ext4 ${path}`;
      const findings = formatted ? [] : ["There is no file system on it."];
      return { state: formatted ? "clean" : "damaged", safeToRepair: false, findings, command };
    },
    async format(op, _volume, context, grant) {
      const path = await exportOf(op, context, grant);
      const found = await probeFormat(op, path);
      if (found !== "") {
        throw new HoldfastError("INCOMPATIBLE", `There is a file system on ${path} already.`, {
          hint: "Nothing was changed. If it may be lost, wipe it by hand.",
          detail: { found },
        });
      }
      await op.exec("mkfs.ext4", ["-q", "-F", path], { timeoutMs: LIMIT_MS });
    },
    async mount(op, volume, context, grant) {
      const path = await exportOf(op, context, grant);
      if (mountedAt(await op.mounts(), volume) !== undefined) return;
      await op.files.makeDirectory(volume.mountPath);
      const device = await loopDevice(op, path);
      await op.exec("mount", ["-t", "ext4", device, volume.mountPath], { timeoutMs: LIMIT_MS });
      // In use, so it is freed with the mount (LO_FLAGS_AUTOCLEAR).
      await op.exec("losetup", ["--detach", device], { timeoutMs: LIMIT_MS });
    },
    async verify(op, volume) {
      const seen = await op.volumes.look(volume.mountPath, { timeoutMs: VOLUME_MS });
      const mount = mountedAt(await op.mounts(), volume);
      if (mount === undefined) return { ...seen, mounted: false };
      if (!isReadOnly(mount) && seen.mark !== null) await op.volumes.probe(volume.mountPath, { timeoutMs: VOLUME_MS });
      return { ...seen, locking: "local-only" };
    },
    async cut(op, volume) {
      const agent = await whereAmI(op, volume);
      try {
        const { exitCode, stdout } = await askServer(op, volume, "idle", agent);
        if (exitCode === 0) return { kind: "cut", evidence: `no loop device of ${agent} uses the image` };
        return { kind: "incomplete", needsFence: `${agent} still has ${stdout.trim()}` };
      } catch (error) {
        if (!hasCode(error, "UNKNOWN_OUTCOME")) throw error;
        return { kind: "incomplete", needsFence: `nobody says whether ${agent} still has a device` };
      }
    },
    async unmount(op, volume) {
      if (mountedAt(await op.mounts(), volume) === undefined) return;
      await op.volumes.sync(volume.mountPath, { timeoutMs: LIMIT_MS });
      await op.exec("umount", [volume.mountPath], { timeoutMs: LIMIT_MS });
    },
    async release(op, volume) {
      const { exitCode, stdout } = await askServer(op, volume, "idle", await whereAmI(op, volume));
      if (exitCode === 0) return;
      throw new HoldfastError("BUSY", `${stdout.trim()} is still in use.`, {
        hint: "Unmount it first.",
        retryable: true,
      });
    },
    async metrics(op, volume) {
      await op.volumes.probe(volume.mountPath, { timeoutMs: VOLUME_MS });
      return { ...(await op.volumes.usage(volume.mountPath, { timeoutMs: VOLUME_MS })), detail: {} };
    },
  } satisfies StorageStrategy;
}

/** Pure. */
function planImage(observed: ObservedVolume, target: StorageTarget): StoragePlan {
  const { agent, epoch } = target;
  const fences = target.former
    .filter((former) => former.agent !== agent && !observed.fenced.includes(former.agent))
    .map((former): StorageStep => ({ verb: "fence", former, why: `${former.agent} did not release` }));
  const unfence: StorageStep[] = observed.fenced.includes(agent)
    ? [{ verb: "unfence", agent, why: "it runs there next" }]
    : [];
  // Its run has released, or has a receipt: what is left is a detach that nobody made.
  const detaches = observed.attachments
    .filter((seen) => seen.agent !== agent && !target.former.some((former) => former.agent === seen.agent))
    .map((seen): StorageStep => ({ verb: "detach", agent: seen.agent, why: `${seen.agent} has released it` }));
  const attached = observed.attachments.some((seen) => seen.agent === agent && seen.epoch === epoch);
  const attach: StorageStep[] = attached ? [] : [{ verb: "attach", agent, why: "to mount it there" }];
  return { kind: "steps", steps: [...fences, ...detaches, ...unfence, ...attach] };
}

/** Pure. */
function parseStatus(text: string): Omit<ObservedVolume, "exists" | "recorded"> {
  const lines = new Map(text.split("\n").map((line) => [line.split(" ")[0] ?? "", line.split(" ").slice(1)]));
  const [agent = "-", epoch = "0"] = lines.get("attached") ?? [];
  return {
    attachments: agent === "-" ? [] : [{ agent, epoch: BigInt(epoch) }],
    fenced: (lines.get("fenced") ?? []).filter((name) => name !== ""),
    detail: { epoch: lines.get("epoch")?.[0] ?? "0" },
  };
}

/** The name under which this grant may use the image. It is gone as soon as somebody else may. */
async function exportOf(op: Op, context: AttachContext, grant: Grant): Promise<string> {
  if (context.epoch !== grant.epoch.toString()) {
    throw new HoldfastError("STALE_EPOCH", `The context is of epoch ${context.epoch}, the grant of ${grant.epoch}.`, {
      hint: "Attach it under this grant.",
    });
  }
  const path = String(context.export);
  const slash = path.lastIndexOf("/");
  const names = (await op.files.list(path.slice(0, slash))) ?? [];
  if (names.includes(path.slice(slash + 1))) return path;
  throw new HoldfastError("STALE_EPOCH", `${path} is not this agent's any more.`, {
    hint: "It was detached or fenced meanwhile; the grant is void.",
  });
}

/** The loop device of an earlier attempt, or a new one. Not mount's own: it refuses an image that another one uses. */
async function loopDevice(op: Op, path: string): Promise<string> {
  // By name: another agent's name is a link to the same file.
  const list = ["--list", "--noheadings", "--raw", "--output", "NAME,BACK-FILE"];
  const { stdout } = await op.exec("losetup", list, { timeoutMs: LIMIT_MS });
  const known = stdout.split("\n").find((line) => line.endsWith(` ${path}`));
  if (known !== undefined) return known.split(" ")[0] ?? "";
  return (await op.exec("losetup", ["--find", "--show", path], { timeoutMs: LIMIT_MS })).stdout.trim();
}

/** What blkid says is on it; empty: nothing that it knows. */
async function probeFormat(op: Op, path: string): Promise<string> {
  const NOTHING = 2;
  const args = ["--probe", "--output", "export", path];
  return (await op.exec("blkid", args, { timeoutMs: LIMIT_MS, okExitCodes: [0, NOTHING] })).stdout.trim();
}

function mountedAt(mounts: readonly MountEntry[], volume: Volume): MountEntry | undefined {
  return mounts.findLast(({ mountPoint }) => mountPoint === volume.mountPath);
}

/** By its addresses, as in a real network; the call itself does not say on which agent it is. */
async function whereAmI(op: Op, volume: Volume): Promise<string> {
  const { stdout } = await op.exec("hostname", ["-I"], { timeoutMs: LIMIT_MS });
  const own = stdout.trim().split(/\s+/);
  const found = Object.entries(optionsOf(volume).agents).find(([, address]) => own.includes(address));
  if (found !== undefined) return found[0];
  throw new HoldfastError("INVALID_SPEC", `None of the addresses ${own.join(", ")} is an agent's.`, {
    hint: "Add this machine to `agents`.",
  });
}
