import { type MountEntry, mountOf } from "@holdfast/core";
import type { ChildOutcome, ProcessIdentity } from "@holdfast/effects";
import { type InitHello, TREE_KINDS, type TreeKind } from "../init/protocol.js";
import { askClaim } from "./claim.js";
import { bootCorrectionMs } from "./clock.js";
import type { InitKeeper } from "./events.js";
import { becomeCandidate, startLock, tellGrant } from "./lock-life.js";
import { accept, sendDataDirectory } from "./prepare.js";
import { isReplicating } from "./promotion.js";
import { announceProtection } from "./start-line.js";
import { mustSettle } from "./state.js";
import { fail } from "./stop.js";
import { onJoined } from "./storage.js";
import { inPhase, type Turn } from "./turn.js";

export const HELLO_MS = 10_000;
const PROTOCOL_VERSION = 1;

/** Everything that does not need the lease happens at the same time: lock process, init, first look at the volume. */
export function begin(turn: Turn, mounts: readonly MountEntry[]): void {
  const { config, tools } = turn.state;
  if (config.storage !== null) {
    if (config.storage.cut !== "local") turn.set({ settle: config.storage.cutProgram });
  } else if (config.volume !== null) {
    const { path, timeoutMs } = config.volume;
    const [file, ...args] = [...tools.settle, path];
    if (file !== undefined && mustSettle(path, mounts)) turn.set({ settle: [file, ...args] });
    turn.emit({ type: "look-at-volume", argv: [...tools.read, path], timeoutMs });
  }
  startLock(turn);
  turn.arm("hello", HELLO_MS);
}

export function onHello(turn: Turn, keeper: InitKeeper, hello: InitHello): void {
  const { config, tree } = turn.state;
  if (tree.kind !== "starting") return;
  turn.disarm("hello");
  const flaw = helloFlaw(hello);
  if (flaw !== null) {
    const hint = "Use the holdfast-init that came with this program, and mount the /proc of this PID namespace.";
    return fail(turn, { code: "PROTECTION_MISSING", message: `The init cannot be used: ${flaw}.`, hint }, "kill");
  }
  const treeKind = hello.tree as TreeKind;
  const correctionMs = bootCorrectionMs(hello, turn.at.now);
  turn.set({ tree: { kind: "up", keeper, treeKind, init: hello.init, correctionMs } });
  if (config.storage === null) announceProtection(turn, { treeKind, keeper });
  const [name, value] = treeMarker(hello.init);
  turn.toInit({ type: "env", name, value });
  turn.toInit({ type: "env", name: "HOLDFAST_SERVICE", value: config.service });
  turn.toInit({ type: "env", name: "HOLDFAST_AGENT", value: config.agent });
  if (turn.state.grant === null) return proceed(turn);
  tellGrant(turn);
  onJoined(turn);
}

/** Name and value of a variable by which processes of this tree can be told from all others. */
export function treeMarker(init: ProcessIdentity): readonly [name: string, value: string] {
  return ["HOLDFAST_TREE", `${init.pid}-${init.startTicks}`];
}

export function helloFlaw(hello: InitHello): string | null {
  if (hello.version !== PROTOCOL_VERSION)
    return `it speaks protocol ${hello.version}, this program ${PROTOCOL_VERSION}`;
  if (!(TREE_KINDS as readonly string[]).includes(hello.tree)) return `it made a tree of kind ${hello.tree}`;
  if (hello.init.startTicks === "0") return "its start time is unknown, so its end could not be told for sure";
  return null;
}

export function onHelloTimer(turn: Turn): void {
  const message = `The init did not come up within ${HELLO_MS} ms.`;
  fail(turn, { code: "PROTECTION_MISSING", message, hint: "Is this machine overloaded?" }, "kill");
}

export function onLooked(turn: Turn, outcome: ChildOutcome, output: string, mounts: readonly MountEntry[]): void {
  if (!inPhase(turn.state, "starting")) return;
  const look = accept(turn, outcome, output, mounts, null);
  if (look === undefined) return;
  const mount = mountOf(mounts, look.realPath);
  const watched = mount === undefined ? null : { realPath: look.realPath, mount };
  turn.set({ volume: { ...turn.state.volume, look, last: look.last, watched } });
  proceed(turn);
}

/** Init up and volume fit: now there is something that the lease could be used for. */
export function proceed(turn: Turn): void {
  const { config, tree, volume, phase, claim, storage } = turn.state;
  if (phase !== "starting") return;
  // What a strategy mounts can only be looked at under the lease.
  if (config.storage !== null && storage.kind === "present") {
    turn.enter("candidate");
    return becomeCandidate(turn);
  }
  if (tree.kind !== "up" || (config.volume !== null && volume.look === null)) return;
  if (!isReplicating(turn.state)) {
    turn.enter("candidate");
    return becomeCandidate(turn);
  }
  if (config.volume !== null && claim === "none") return askClaim(turn);
  startReplicaWhenReady(turn);
}

/** A replica has a data set of its own, so it takes the claim for its whole life and not for a grant's. */
export function startReplicaWhenReady(turn: Turn): void {
  if (!inPhase(turn.state, "starting") || turn.state.application.kind !== "not-started") return;
  sendDataDirectory(turn);
  turn.set({ wrote: true, application: { kind: "starting", signals: [] } });
  turn.toInit({ type: "start-replica" });
}
