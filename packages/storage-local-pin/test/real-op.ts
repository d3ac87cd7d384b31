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

/** Thrown in place of an effect, as if the process had been killed there. */
export const CRASH = new Error("crashed here");

/** The same `op`, which ends before or after its n-th effect and does nothing from then on. `count` says how many it did. */
export function crashingOp(op: Op, at: { readonly effect: number; readonly when: "before" | "after" }) {
  let done = 0;
  let crashed = false;
  const wrap =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (crashed) throw CRASH;
      done += 1;
      if (done === at.effect && at.when === "before") {
        crashed = true;
        throw CRASH;
      }
      const result = await call(...args);
      if (done === at.effect) {
        crashed = true;
        throw CRASH;
      }
      return result;
    };
  const all = <T extends object>(group: T) =>
    Object.fromEntries(Object.entries(group).map(([name, call]) => [name, wrap(call)])) as T;
  const crashing: Op = {
    ...op,
    files: all(op.files),
    volumes: all(op.volumes),
    exec: wrap(op.exec),
    mounts: wrap(op.mounts),
  };
  return { op: crashing, count: () => done };
}
