import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { HeldLease } from "@holdfast/coordination";
import { addMs, type Instant, isReached } from "@holdfast/core";
import { isGone, type ProcessIdentity, readInstant } from "@holdfast/effects";
import type { LockConfig } from "@holdfast/supervisor";
import { findOrphans, killOrphans } from "./orphans.js";

interface AfterGuard {
  readonly lease: HeldLease | undefined;
  /** The application's, and that of its volumes; none before anything that can write was started. */
  readonly trees: readonly ProcessIdentity[];
  /** It goes on with a grant of another process, under which trees may live that it was not told of yet. */
  readonly resumed: boolean;
  readonly settle: LockConfig["settle"];
  /** By then the kernel has killed the tree: what still lives after it cannot be killed. */
  readonly deadline: Instant;
}

type Ending = {
  readonly leaving: boolean;
  readonly state: { readonly kind: "released" } | { readonly kind: "yield"; readonly needsFence: string };
  readonly note: string;
};

const POLL_MS = 2;
const ORPHAN_POLL_MS = 20;
/** From the kernel's SIGKILL to the last process gone; 23 ms were measured for 500 processes. */
const KILL_ALLOWANCE_MS = 250;

/**
 * The guard is dead. Its tree dies with it (parent-death signal, closed control socket, and at the latest the kernel's
 * timer at the deadline); this waits until the tree is known gone and its volume settled, and says how to end.
 */
export async function endAfterGuard(what: AfterGuard): Promise<Ending> {
  const { lease, trees, deadline } = what;
  if (lease === undefined || (trees.length === 0 && what.resumed))
    return { leaving: true, state: { kind: "released" }, note: "" };
  const until = addMs(deadline, KILL_ALLOWANCE_MS);
  // No tree was announced: nothing that can write was ever started.
  for (let left = trees; left.length > 0; left = left.filter((tree) => !isGone(tree))) {
    const [tree] = left.filter((candidate) => !isGone(candidate));
    if (tree === undefined) break;
    if (isReached(until, readInstant())) return yielded(`process ${tree.pid} of the tree outlived the deadline`);
    await sleep(POLL_MS);
  }
  const orphans: number[] = [];
  for (const tree of trees) orphans.push(...(await lastingOrphans(tree)));
  if (orphans.length > 0) {
    killOrphans(orphans);
    return yielded(
      `both keepers of the tree were killed; ${orphans.length} processes were found and killed afterwards`,
    );
  }
  if (what.settle !== null && trees.length > 0) {
    const failure = await settle(what.settle);
    if (failure !== null) return yielded(`the volume could not be settled or cut after the guard died: ${failure}`);
  }
  return { leaving: false, state: { kind: "released" }, note: "the guard died; the tree is gone" };
}

/** What ends by itself at once, as a step does with the guard, is nothing left. Costs one look where there is nothing. */
async function lastingOrphans(tree: ProcessIdentity): Promise<number[]> {
  const until = addMs(readInstant(), KILL_ALLOWANCE_MS);
  let orphans = findOrphans(tree);
  while (orphans.length > 0 && !isReached(until, readInstant())) {
    await sleep(ORPHAN_POLL_MS);
    orphans = findOrphans(tree);
  }
  return orphans;
}

function yielded(why: string): Ending {
  return { leaving: false, state: { kind: "yield", needsFence: why }, note: why };
}

/** Null when the volume's unwritten data has reached its server; otherwise why not. Never waits beyond its limit. */
function settle({ command, timeoutMs }: NonNullable<LockConfig["settle"]>): Promise<string | null> {
  const [file, ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: "ignore" });
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve(`no answer within ${timeoutMs} ms`);
    }, timeoutMs);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      resolve(code === 0 ? null : `it ended with ${code ?? signal}`);
    });
  });
}
