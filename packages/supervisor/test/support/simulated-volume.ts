import type { MountEntry } from "@holdfast/core";
import type { StepOutcome } from "../../src/init/protocol.js";

export const VOLUME_PATH = "/srv/orders";
export const VOLUME_TOOLS = {
  read: ["init", "volume-read"],
  write: ["init", "volume-write"],
  settle: ["init", "sync"],
};

export function mountTable(options: { fsType?: string; readOnly?: boolean; device?: string } = {}): MountEntry[] {
  const root = { mountId: 1, parentId: 0, device: "8:1", root: "/", mountPoint: "/", options: ["rw"] };
  const entry = {
    mountId: 2,
    parentId: 1,
    device: options.device ?? "0:44",
    root: "/",
    mountPoint: VOLUME_PATH,
    options: [options.readOnly === true ? "ro" : "rw"],
  };
  return [
    { ...root, fsType: "ext4", source: "/dev/vda1", superOptions: ["rw"] },
    { ...entry, fsType: options.fsType ?? "ext4", source: "server:/orders", superOptions: ["rw"] },
  ];
}

export function readLine(epoch: string | null, service = "orders-db"): string {
  const mark = { v: 1, volumeId: "id", service, layout: "data", createdAt: "2026-01-01T00:00:00.000Z" };
  const last = epoch === null ? null : JSON.stringify({ v: 1, epoch, run: "old", agent: "agent-0", leaseMs: 3_000 });
  const read = { dev: "0:44", parentDev: "8:1", type: "directory", real: VOLUME_PATH, claim: "present", empty: false };
  return `${JSON.stringify({ ...read, volume: JSON.stringify(mark), epoch: last })}\n`;
}

/** What a step says when it ends, well or not. */
export function stepResult(id: string, failed: boolean): { readonly outcome: StepOutcome; readonly output: string } {
  const isCommand = id.startsWith("promote") || id.startsWith("demote");
  const outcome = { kind: "code", code: isCommand && failed ? 3 : 0 } as const;
  if (id.startsWith("verify")) return { outcome, output: readLine(failed ? "8" : "6") };
  if (!failed) return { outcome, output: '{"ok":true,"probeUs":300}\n' };
  return { outcome, output: '{"ok":false,"step":"write","errno":"EIO","message":"Input/output error"}\n' };
}
