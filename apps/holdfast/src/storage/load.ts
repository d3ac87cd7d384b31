import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger, Op } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import { loadPlugins, requireStrategy } from "../plugins/load-plugins.js";
import type { NodeVolume } from "./node-half.js";
import { SPEC_FILE, type StorageSpec } from "./spec.js";

/** Written by our own `holdfast run` a moment ago; what cannot be read is a defect. */
export function readSpec(directory: string): StorageSpec {
  return JSON.parse(readFileSync(join(directory, SPEC_FILE), "utf8")) as StorageSpec;
}

/** @throws what `loadPlugins` throws. */
export async function loadVolumes(spec: StorageSpec): Promise<readonly NodeVolume[]> {
  const registry = await loadPlugins({ pluginDirs: spec.pluginDirs, references: spec.plugins });
  return spec.volumes.map(({ strategy, volume }) => ({ strategy: requireStrategy(registry, strategy), volume }));
}

export interface SpecOpOptions {
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly onProgress?: (done: number, total: number | null, what: string) => void;
}

export function specOp(spec: StorageSpec, { directory, ...options }: SpecOpOptions): Op {
  const workDirectory = join(directory, "work");
  mkdirSync(workDirectory, { recursive: true, mode: 0o700 });
  return createOp({ ...options, workDirectory, volumeTools: nativeVolumeTools(spec.initPath) });
}
