import { ERROR_CODES, type ErrorCode } from "@holdfast/core";
import { type ChildOutcome, explainOutcome, parseOutput } from "@holdfast/effects";
import { type InitHello, type InitReport, TREE_KINDS, type TreeKind } from "../init/protocol.js";
import type { CutReport, StorageToGuard } from "../storage-protocol.js";
import { HELLO_MS, helloFlaw, proceed, treeMarker } from "./boot.js";
import { bootCorrectionMs } from "./clock.js";
import { announceTrees } from "./lock-life.js";
import { continuePreparing, onFenced } from "./prepare.js";
import { sendDeadline } from "./renewal.js";
import { announceProtection } from "./start-line.js";
import type { GuardState } from "./state.js";
import { afterTree, fail } from "./stop.js";
import type { StorageStage, StorageState } from "./storage-state.js";
import { isEnding, type Turn } from "./turn.js";

/**
 * The storage tree: strategies work in it, and what they mount lives in it. It is brought up between the grant and the
 * application's tree, and down between that tree's end and the release. Its end is the cut wherever unwritten data is
 * held by one of its processes, and the kernel sees to it at the deadline.
 */

/** From `kill` to `gone`, and then to giving up on it; as for the application's tree. */
const HURRY_MS = 500;

const NOBODY_FENCES = "The storage process, which would fence its holder, has ended.";

type Present = Extract<StorageState, { kind: "present" }>;

function change(turn: Turn, part: Partial<Omit<Present, "kind">>): void {
  const { storage } = turn.state;
  if (storage.kind === "present") turn.set({ storage: { ...storage, ...part } });
}

function stageOf(turn: Turn): StorageStage | null {
  const { storage } = turn.state;
  return storage.kind === "present" ? storage.stage : null;
}

export function onStorageReport(turn: Turn, report: Exclude<InitReport, { type: "step" }>): void {
  switch (report.type) {
    case "hello":
      return onStorageHello(turn, report);
    case "alive": {
      const { storage } = turn.state;
      if (storage.kind !== "present" || report.bootNs !== storage.deadline.sentNs) return;
      return change(turn, { deadline: { ...storage.deadline, aliveNs: report.bootNs } });
    }
    case "exec":
      return storageFailed(turn, "INTERNAL", `The storage process could not be executed: ${report.message}.`);
    case "refused":
      return storageFailed(turn, "LEASE_LOST", `The storage tree refused to start anything (${report.reason}).`);
    case "exit":
      return onStorageExit(turn);
    case "gone":
      return onStorageGone(turn, true, "it reported its end");
    case "error":
      return turn.log("warn", `storage init: ${report.message}`);
    case "claim":
    case "started":
    case "left":
      return;
  }
}

function storageFailed(turn: Turn, code: ErrorCode, message: string): void {
  fail(turn, { code, message, hint: "Nothing was started. See the messages above." }, "kill");
}

function onStorageHello(turn: Turn, hello: InitHello): void {
  const { config, storage } = turn.state;
  if (storage.kind !== "starting") return;
  turn.disarm("hello");
  const flaw = helloFlaw(hello) ?? mountFlaw(hello, config.storage?.mounts === true);
  if (flaw !== null) {
    const hint = "Run it as root, or mount the volume yourself and give --volume.";
    return fail(
      turn,
      { code: "PROTECTION_MISSING", message: `The storage tree cannot be used: ${flaw}.`, hint },
      "kill",
    );
  }
  const treeKind = hello.tree as TreeKind;
  const correctionMs = bootCorrectionMs(hello, turn.at.now);
  const deadline = { sentNs: null, aliveNs: null };
  turn.set({ storage: { kind: "present", init: hello.init, treeKind, correctionMs, stage: "idle", deadline } });
  announceProtection(turn, { treeKind, keeper: "native" });
  const [name, value] = treeMarker(hello.init);
  turn.toStorageInit({ type: "env", name, value });
  proceed(turn);
}

/** Only in a PID namespace does the kernel end whatever a strategy started, and only root can mount in one. */
function mountFlaw(hello: InitHello, mounts: boolean): string | null {
  if (!mounts || hello.tree === TREE_KINDS[0]) return null;
  return `its strategy mounts, which needs a tree of kind ${TREE_KINDS[0]}; this one is ${hello.tree}`;
}

/** The lease is won: fence, attach, check, repair, mount. */
export function bringUp(turn: Turn): void {
  const { storage, grant, config, pendingFence, holders } = turn.state;
  if (storage.kind !== "present" || storage.stage !== "idle" || grant === null) return;
  announceTrees(turn);
  sendDeadline(turn);
  turn.set({ storageEnd: { ...turn.state.storageEnd, used: true } });
  change(turn, { stage: "working" });
  turn.toStorageInit({ type: "start" });
  const { run, epoch } = grant;
  turn.toStorage({ type: "up", grant: { run, epoch, agent: config.agent }, former: holders, pendingFence });
}

export function onStorageMessage(turn: Turn, message: StorageToGuard): void {
  switch (message.type) {
    case "log":
      return turn.log(message.level, message.message);
    case "progress":
      if (stageOf(turn) === "killed") return;
      return turn.set({ progress: { done: message.done, total: message.total, what: message.what } });
    case "step":
      return stageOf(turn) === "killed" ? undefined : onStorageStep(turn, message);
    case "up":
      return onStorageUp(turn, message.fenced);
    case "failed":
      return onStorageFailed(turn, message);
    case "claim-fenced":
      if (turn.state.claimFence !== "asked") return;
      turn.set({ claimFence: "done" });
      return turn.log("info", `whoever held the claim is fenced up to epoch ${message.epoch}; taking it again`);
    case "claim-unfenceable":
      return onUnfenceable(turn, message.message);
    case "down":
      return onStorageDown(turn, message.clean, message.why);
  }
}

function onStorageStep(turn: Turn, step: Extract<StorageToGuard, { type: "step" }>): void {
  const name = step.role === "data" ? step.name : `${step.name} (${step.role})`;
  if (step.state === "started") return turn.set({ progress: { done: 0, total: null, what: name } });
  turn.set({ progress: null });
  if (stageOf(turn) === "working") turn.lap(name, step.tookMs ?? 0);
}

function onStorageUp(turn: Turn, fenced: string | null): void {
  const { grant, config } = turn.state;
  if (stageOf(turn) !== "working" || grant === null || isEnding(turn.state)) return;
  change(turn, { stage: "up" });
  turn.set({ progress: null });
  if (fenced !== null) onFenced(turn, fenced);
  turn.lapFromHere();
  const { storage } = turn.state;
  if (storage.kind !== "present") return;
  turn.set({ tree: { kind: "starting" } });
  turn.emit({ type: "start-tree", join: config.storage?.mounts === true ? storage.init : null });
  turn.arm("hello", HELLO_MS);
}

function onStorageFailed(turn: Turn, { code, message, hint }: Extract<StorageToGuard, { type: "failed" }>): void {
  const known = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "INTERNAL";
  if (stageOf(turn) === "working") return fail(turn, { code: known, message, hint }, "kill");
  turn.log("warn", `storage: ${message}`, { code });
}

/** Without it nobody unmounts; what it started lives on, and the end of its tree is a cut all the same. */
function onStorageExit(turn: Turn): void {
  switch (stageOf(turn)) {
    case "working":
      return storageFailed(turn, "INTERNAL", "The storage process ended before the volumes were there.");
    case "up":
      turn.log("warn", "the storage process ended; the volumes stay, and will be cut instead of unmounted");
      change(turn, { stage: "deserted" });
      return turn.state.claimFence === "asked" ? onUnfenceable(turn, NOBODY_FENCES) : undefined;
    case "down":
      return killStorage(turn);
    default:
      return;
  }
}

/** The application's tree is gone, or there never was one. False when there is nothing to bring down. */
export function bringDown(turn: Turn): boolean {
  const { storage, grant, limits, ending } = turn.state;
  if (storage.kind !== "present") return false;
  turn.enter("settling");
  const hung = ending?.kind === "failure" && ending.code === "VOLUME_HUNG";
  if (storage.stage === "up" && grant !== null && !grant.lost && !hung) {
    change(turn, { stage: "down" });
    turn.toStorage({ type: "down" });
    turn.arm("storage-down", limits.settleMs);
  } else if (storage.stage !== "down") {
    killStorage(turn);
  }
  return true;
}

function onStorageDown(turn: Turn, clean: boolean, why: string): void {
  if (stageOf(turn) !== "down") return;
  turn.disarm("storage-down");
  if (!clean) turn.log("warn", `the volumes were not unmounted cleanly: ${why}`);
  turn.set({ storageEnd: { ...turn.state.storageEnd, clean } });
  killStorage(turn);
}

export function onStorageDownTimer(turn: Turn): void {
  turn.log("warn", `the volumes could not be unmounted within ${turn.state.limits.settleMs} ms; they are cut`);
  killStorage(turn);
}

/** SIGKILL to everything in it. Ends processes of the application, too, that hang on what it had mounted. */
export function killStorage(turn: Turn): void {
  const stage = stageOf(turn);
  if (stage === null || stage === "killed") return;
  change(turn, { stage: "killed" });
  turn.set({ progress: null });
  turn.disarm("storage-down", "claim-fence");
  turn.toStorageInit({ type: "kill" });
  turn.arm("storage-hurry", HURRY_MS);
  turn.arm("storage-leftover", turn.state.limits.leftoverMs);
}

export function onStorageHurryTimer(turn: Turn): void {
  turn.emit({ type: "hurry-storage" });
}

export function onStorageLeftoverTimer(turn: Turn): void {
  const { storage, config, limits, leftover } = turn.state;
  if (storage.kind !== "present") return;
  const what = `a process under process ${storage.init.pid} on agent ${config.agent} that holds a volume outlived SIGKILL by ${limits.leftoverMs} ms (it hangs in the kernel)`;
  turn.log("error", `${what}; the lease is not released, a successor needs a fence receipt`);
  turn.set({ leftover: leftover ?? what, storage: { kind: "gone" } });
  afterStorage(turn);
}

export function onStorageGone(turn: Turn, proven: boolean, how: string): void {
  const { storage, leftover, config } = turn.state;
  if (storage.kind === "gone" || storage.kind === "none") return;
  turn.disarm("storage-down", "storage-hurry", "storage-leftover");
  turn.set({ storage: { kind: "gone" } });
  if (!proven) {
    const what = `processes of the storage tree on agent ${config.agent} may be left: ${how}`;
    turn.log("error", what);
    turn.set({ leftover: leftover ?? what });
  }
  if (isEnding(turn.state)) return afterStorage(turn);
  const hint =
    "The volumes went with it, and the application. See the kernel log: it may have been killed for want of memory.";
  fail(turn, { code: "INTERNAL", message: `The storage tree ended by itself (${how}).`, hint }, "kill");
}

/** Its outer process is dead; whether the tree is, is found out by watching its init. */
export function onStorageClosed(turn: Turn, how: string): void {
  const { storage } = turn.state;
  if (storage.kind === "starting") {
    turn.set({ storage: { kind: "gone" } });
    const hint = "See its message above. Strategies need the native init.";
    return fail(
      turn,
      { code: "PROTECTION_MISSING", message: `The storage tree did not come up (${how}).`, hint },
      "kill",
    );
  }
  if (storage.kind !== "present") return;
  turn.emit({
    type: "watch-storage",
    init: storage.init,
    namespaced: storage.treeKind !== "subreaper",
    marker: treeMarker(storage.init).join("="),
  });
  if (isEnding(turn.state)) return;
  const hint = "The volumes are being cut with it.";
  fail(turn, { code: "INTERNAL", message: `The storage tree ended by itself (${how}).`, hint }, "kill");
}

/** Something is left that the deadline has to end. */
export function mayStillUnmount({ storage }: GuardState): boolean {
  return storage.kind === "present" && storage.stage !== "killed";
}

function afterStorage(turn: Turn): void {
  const { tree } = turn.state;
  if (tree.kind === "gone" || tree.kind === "none") afterTree(turn);
}

/** True while the cut is still to be made: everything is dead, and what it left in the network is taken away now. */
export function mustCut(turn: Turn): boolean {
  const { storageEnd, config, limits } = turn.state;
  const { used, clean, cut } = storageEnd;
  if (config.storage === null || !used || clean || cut || config.storage.cut === "local") return false;
  turn.enter("settling");
  turn.emit({ type: "cut-storage", argv: config.storage.cutProgram, timeoutMs: limits.cutMs });
  return true;
}

export function onStorageCut(turn: Turn, outcome: ChildOutcome, output: string): void {
  const { storageEnd, leftover, config } = turn.state;
  if (storageEnd.cut) return;
  turn.set({ storageEnd: { ...storageEnd, cut: true } });
  const report = parseOutput<CutReport>(output);
  const ended = outcome.kind === "code" && outcome.code === 0;
  if (report?.kind === "cut" && ended) {
    turn.log("info", `the volumes are cut: ${report.evidence}`);
  } else {
    const why = report?.kind === "incomplete" ? report.needsFence : explainOutcome(outcome);
    const what = `the volumes on agent ${config.agent} could not be cut: ${why}`;
    turn.log("error", `${what}; a successor needs a fence receipt`);
    turn.set({ leftover: leftover ?? what });
  }
  afterTree(turn);
}

/** A dead client's lock may outlive the lease by far; the storage is asked to drop it. */
export function onClaimFenceTimer(turn: Turn): void {
  const { volume, claimFence } = turn.state;
  const last = volume.look?.last ?? null;
  if (claimFence !== "none" || last === null) return;
  turn.set({ claimFence: "asked" });
  if (stageOf(turn) !== "up") return onUnfenceable(turn, NOBODY_FENCES);
  turn.log("warn", `the claim is still held; fencing run ${last.run} on agent ${last.agent}, epoch ${last.epoch}`);
  turn.toStorage({ type: "fence-claim", agent: last.agent, epoch: last.epoch.toString() });
}

function onUnfenceable(turn: Turn, why: string): void {
  if (turn.state.claimFence !== "asked") return;
  turn.set({ claimFence: "impossible" });
  turn.log("error", `UNFENCEABLE: ${why} This run waits for the claim.`);
}

/** The tree is up and the grant is ours: the rest of the preparation happens in it. */
export function onJoined(turn: Turn): void {
  turn.lap("tree");
  continuePreparing(turn);
}
