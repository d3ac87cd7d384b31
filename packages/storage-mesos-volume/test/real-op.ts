import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Grant, Op } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import { createFakeLogger } from "@holdfast/testkit";

const INIT = fileURLToPath(new URL("../../supervisor/native/dist/holdfast-init", import.meta.url));

/** The real `op`, as a storage process has it. */
export function realOp(directory: string): Op {
  const workDirectory = join(directory, "work");
  mkdirSync(workDirectory, { recursive: true });
  return createOp({
    signal: new AbortController().signal,
    logger: createFakeLogger(),
    volumeTools: nativeVolumeTools(INIT),
    workDirectory,
  });
}

export function grantOf(epoch: bigint, agent = "a"): Grant {
  return { service: "db", epoch, run: `run-0000${epoch}`, agent, signal: new AbortController().signal };
}
