import type { Op, Volume, VolumeMetrics } from "@holdfast/core";
import { mountAt, sysBlock } from "./mounted.js";

const USAGE_MS = 5_000;

export async function metrics(op: Op, volume: Volume): Promise<VolumeMetrics> {
  const usage = await op.volumes.usage(volume.mountPath, { timeoutMs: USAGE_MS });
  const mounted = await mountAt(op, volume.mountPath);
  const stat = mounted === undefined ? undefined : await sysBlock(op, mounted.device, "stat");
  return { ...usage, detail: stat === undefined ? {} : parseBlockStat(stat) };
}

/** Documentation/block/stat.rst; sectors are 512 bytes there, whatever the device's are. */
export function parseBlockStat(text: string): Record<string, number> {
  const fields = text.trim().split(/\s+/).map(Number);
  const [
    reads = 0,
    ,
    readSectors = 0,
    readMs = 0,
    writes = 0,
    ,
    writtenSectors = 0,
    writeMs = 0,
    inFlight = 0,
    busyMs = 0,
    queueMs = 0,
  ] = fields;
  return {
    reads,
    readBytes: readSectors * 512,
    readMs,
    writes,
    writtenBytes: writtenSectors * 512,
    writeMs,
    requestsInFlight: inFlight,
    busyMs,
    queueMs,
    flushes: fields[15] ?? 0,
    flushMs: fields[16] ?? 0,
  };
}
