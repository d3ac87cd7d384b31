import { decideVolume, type MountEntry } from "@holdfast/core";
import {
  type ChildOutcome,
  explainOutcome,
  formatVolumeEpoch,
  interpretLook,
  interpretProbe,
  type VolumeLook,
} from "@holdfast/effects";
import { askClaim } from "./claim.js";
import { isReplicating, promote } from "./promotion.js";
import { startStep } from "./steps.js";
import { fail } from "./stop.js";
import { inPhase, type Turn } from "./turn.js";
import { watchVolume } from "./watch.js";

/** An exec on a volume that hangs never answers. */
const START_ANSWER_MS = 10_000;

/**
 * From the grant to the application's first instruction: fence receipt, volume verified under this epoch, claim, history
 * record, epoch written, start. Called after each of them; does the next. The history comes before the volume's epoch,
 * because a volume that knows more than the store means that the store was lost.
 */
export function continuePreparing(turn: Turn): void {
  const { grant, preparation, step, claim, config, tree } = turn.state;
  if (tree.kind !== "up") return;
  if (grant === null || !inPhase(turn.state, "preparing", "waiting-for-claim")) return;
  if (preparation.fence === "waiting") return;
  if (step !== null) return;
  if (config.volume !== null && config.storage?.initialise !== true) {
    if (preparation.verify === "to-do") {
      return startStep(turn, "verify", [...turn.state.tools.read, config.volume.path], config.volume.timeoutMs);
    }
    if (claim !== "ours") return claim === "none" ? askClaim(turn) : undefined;
    if (preparation.history !== "done") return askHistory(turn);
    if (preparation.mark === "to-do") return writeEpoch(turn);
  }
  if (preparation.history !== "done") return askHistory(turn);
  if (!isReplicating(turn.state)) return start(turn);
  if (preparation.promote === "to-do") return promote(turn);
  run(turn);
}

function askHistory(turn: Turn): void {
  if (turn.state.history !== null || turn.isArmed("history-retry")) return;
  const id = turn.nextNumber();
  turn.set({ history: { id, kind: "started" } });
  turn.toLock({ type: "history", id, kind: "started", note: turn.state.protection.slice(0, 200) });
}

/** The store was away, or the lock process that was asked is dead. */
export function onHistoryTimer(turn: Turn): void {
  if (turn.state.history?.kind === "started") turn.set({ history: null });
  continuePreparing(turn);
}

export function onFenced(turn: Turn, epoch: string): void {
  const { preparation, pendingFence } = turn.state;
  if (preparation.fence !== "waiting") return;
  if (pendingFence !== null && BigInt(epoch) < BigInt(pendingFence.epoch)) {
    return turn.log(
      "warn",
      `a fence receipt covers epoch ${epoch}, and what may still write is of ${pendingFence.epoch}`,
    );
  }
  turn.log("info", `a fence receipt covers epoch ${epoch}`);
  turn.set({ preparation: { ...preparation, fence: "clear" } });
  continuePreparing(turn);
}

/** The lease was kept all the while, but somebody else may do better with it. */
export function onPrepareLimit(turn: Turn): void {
  const { preparation, config, grant, storage, progress } = turn.state;
  const waitedMs = config.attachTimeoutMs;
  if (preparation.fence === "waiting") {
    const message = `No fence receipt covers what a former run left behind, after ${waitedMs} ms.`;
    const hint = "Make sure that it cannot write any more, then record the receipt; see `holdfast lock status`.";
    return fail(turn, { code: "UNFENCEABLE", message, hint }, "kill");
  }
  if (storage.kind === "present" && storage.stage === "working") {
    const what = progress === null ? "nothing was reported" : `${progress.what} is under way`;
    const message = `The volumes were not there within ${waitedMs} ms: ${what}.`;
    return fail(turn, { code: "BUSY", message, hint: "See the storage behind it and the warnings above." }, "kill");
  }
  const message = `The start under epoch ${grant?.epoch ?? "?"} could not be prepared within ${waitedMs} ms.`;
  fail(turn, { code: "STORE_UNREACHABLE", message, hint: "See the warnings above." }, "kill");
}

/** A read-only look, before the lease is asked for or under the new epoch. Undefined when it ended the run. */
export function accept(
  turn: Turn,
  outcome: ChildOutcome,
  output: string,
  mounts: readonly MountEntry[],
  epoch: bigint | null,
): VolumeLook | undefined {
  const { config } = turn.state;
  if (config.volume === null) return undefined;
  const result = interpretLook(config.volume.path, outcome, output, mounts);
  if (result.kind === "problem") {
    fail(turn, result.problem, "kill");
    return undefined;
  }
  // Another device than at the first look is no reason: a candidate may have waited for days, and nothing was started.
  const decision = decideVolume(result.look.evidence, {
    service: config.service,
    epoch,
    run: turn.state.grant?.run ?? null,
    mustBeMountPoint: config.volume.mustBeMounted,
  });
  if (decision.kind === "refused") {
    fail(turn, decision, "kill");
    return undefined;
  }
  if (result.look.claimFile === "missing") {
    const message = `The volume ${config.volume.path} has no claim file (.holdfast/claim).`;
    const hint = `holdfast volume init ${config.storage === null ? `${config.volume.path} --service ${config.service}` : "-f FILE"} --adopt`;
    fail(turn, { code: "VOLUME_UNMARKED", message, hint }, "kill");
    return undefined;
  }
  return result.look;
}

export function onVerified(turn: Turn, outcome: ChildOutcome, output: string, mounts: readonly MountEntry[]): void {
  const { grant, preparation } = turn.state;
  if (grant === null) return;
  const look = accept(turn, outcome, output, mounts, BigInt(grant.epoch));
  if (look === undefined) return;
  const watched = look.mount === undefined ? null : { realPath: look.realPath, mount: look.mount };
  turn.set({
    volume: { ...turn.state.volume, look, last: look.last, watched, checkedAtMs: turn.nowMs },
    preparation: { ...preparation, verify: "done" },
  });
  turn.lap("verify");
  continuePreparing(turn);
}

/** The volume's data set; an adopted volume may keep it at the root. */
function dataDirectory(look: VolumeLook): string {
  return look.evidence.mark?.layout === "root" ? look.evidence.path : `${look.evidence.path}/data`;
}

function writeEpoch(turn: Turn): void {
  const { config, grant, tools } = turn.state;
  if (config.volume === null || grant === null) return;
  const facts = { epoch: BigInt(grant.epoch), run: grant.run, agent: config.agent, leaseMs: config.timing.leaseMs };
  turn.set({ wrote: true });
  const record = formatVolumeEpoch(facts, turn.at.wall);
  startStep(turn, "mark", [...tools.write, config.volume.path, record], config.volume.timeoutMs);
}

export function onMarked(turn: Turn, outcome: ChildOutcome, output: string): void {
  const { config, preparation } = turn.state;
  if (config.volume === null) return;
  const result = interpretProbe(config.volume.path, outcome, output);
  // Full: a service that cannot even write its epoch would not get far either, and nothing is lost by not starting it.
  if (result.kind !== "ok") return fail(turn, result.problem, "kill");
  turn.set({ preparation: { ...preparation, mark: "done" } });
  turn.lap("record");
  continuePreparing(turn);
}

function start(turn: Turn): void {
  if (turn.state.application.kind !== "not-started") return;
  sendDataDirectory(turn);
  turn.set({ wrote: true, application: { kind: "starting", signals: [] } });
  turn.toInit({ type: "start" });
  turn.arm("start-answer", START_ANSWER_MS);
}

export function sendDataDirectory(turn: Turn): void {
  const { look } = turn.state.volume;
  if (look !== null) turn.toInit({ type: "env", name: "HOLDFAST_DATA_DIR", value: dataDirectory(look) });
}

export function onStartTimer(turn: Turn): void {
  const message = `${turn.state.config.command[0]} did not begin to execute within ${START_ANSWER_MS} ms.`;
  fail(turn, { code: "COMMAND_NOT_EXECUTABLE", message, hint: "See the file system that it lies on." }, "kill");
}

export function onPromoted(turn: Turn, outcome: ChildOutcome): void {
  const { preparation, phase } = turn.state;
  if (phase !== "preparing") return;
  if (outcome.kind !== "code" || outcome.code !== 0) {
    const message = `The promotion failed: ${explainOutcome(outcome)}.`;
    return fail(turn, { code: "INTERNAL", message, hint: "See the output of the --promote command." }, "kill");
  }
  turn.set({ preparation: { ...preparation, promote: "done" } });
  continuePreparing(turn);
}

function describeTakeover(turn: Turn): string {
  const { laps } = turn.state;
  const totalMs = laps.reduce((sum, { ms }) => sum + ms, 0);
  return `from the grant to the start ${Math.round(totalMs)} ms: ${laps.map(({ name, ms }) => `${name} ${ms}`).join(", ")}`;
}

/** The application may write from now on. */
export function run(turn: Turn): void {
  const { grant, config } = turn.state;
  turn.disarm("prepare-limit", "start-answer");
  turn.enter("running");
  turn.lap("start");
  turn.log("info", `${config.command[0]} runs under epoch ${grant?.epoch ?? "?"}`, {});
  if (config.storage !== null) turn.log("info", describeTakeover(turn));
  watchVolume(turn);
}
