import {
  type AttachContext,
  completeSteps,
  type ErrorCode,
  errorCode,
  type FormerHolder,
  HoldfastError,
  isFenced,
  isSettled,
  type ObservedVolume,
  type StorageRecord,
  type StorageStep,
} from "@holdfast/core";
import { settleQuarantine } from "../quarantine/quarantine.js";
import { pinVolume, readStorageRecord } from "../storage-record/storage-record.js";
import { performStep, type StepContext } from "./perform.js";

export interface VolumeDrive extends StepContext {
  /** Kernel of the agent that runs next. */
  readonly bootId: string;
  readonly former: readonly FormerHolder[];
  /** What the run did as its first step, for a quarantine of its agent. */
  readonly cleaned: string | null;
  /** Told once per reason for which it waits. */
  readonly onWait: (why: string, code: ErrorCode) => void;
}

/** Pause before the world is looked at again when it is somebody else's turn; grows, because each look costs the store. */
const WAIT_MS = { first: 250, factor: 1.5, max: 5_000 } as const;
/** Looks after which a plan that is carried out and never becomes empty counts as a defect. */
const ROUNDS_MAX = 8;
/** Unknown outcomes in a row, before the last one is the answer. */
const UNKNOWN_MAX = 5;

/** Somebody else must act first, or the same call may succeed later: look again. */
const WAITABLE: ReadonlySet<string> = new Set<ErrorCode>(["BUSY", "HELD_BY_OTHER", "UNFENCEABLE"]);

/**
 * Brings one volume to the run's agent: observe, plan, carry out, observe again, until nothing is left to do. Every
 * look starts from the storage's own answer, so a predecessor that died at any point, and a second driver at the same
 * time, lead to the same end.
 * @throws `STALE_EPOCH`; what a step throws; the last reason to wait when the grant's signal aborts with a time limit is the
 *   caller's to tell.
 */
export async function driveVolume(drive: VolumeDrive): Promise<AttachContext> {
  const { strategy, volume, grant, op } = drive;
  let attached: AttachContext | undefined;
  let rounds = 0;
  let unknown = 0;
  const pause: Pause = { why: null, ms: WAIT_MS.first };
  for (;;) {
    grant.signal.throwIfAborted();
    try {
      const observed = await observe(drive);
      const quarantine = { bootId: drive.bootId, attached: isAttached(observed, grant.agent), cleaned: drive.cleaned };
      await settleQuarantine(drive.records, grant.service, grant.agent, quarantine, grant.signal);
      const former = unfenced(drive);
      const plan = strategy.plan(volume, observed, { agent: grant.agent, epoch: grant.epoch, former });
      if (plan.kind === "wait") {
        await wait(drive, pause, plan.why, "BUSY");
        continue;
      }
      const { fences } = strategy.capabilities(volume);
      const steps = completeSteps(plan.steps, { former, fences, agent: grant.agent });
      if (isSettled(steps, grant.agent, attached !== undefined)) {
        return attached ?? requireContext(await performStep(drive, attachStep(drive)));
      }
      if (++rounds > ROUNDS_MAX) throw endless(drive, steps);
      attached = await carryOut(drive, steps);
      unknown = 0;
    } catch (error) {
      if (grant.signal.aborted) throw error;
      const code = errorCode(error);
      attached = undefined;
      if (code === "UNKNOWN_OUTCOME" && ++unknown <= UNKNOWN_MAX) continue;
      if (code === undefined || !WAITABLE.has(code)) throw error;
      await wait(drive, pause, error instanceof Error ? error.message : String(error), code as ErrorCode);
    }
    op.signal.throwIfAborted();
  }
}

async function carryOut(drive: VolumeDrive, steps: readonly StorageStep[]): Promise<AttachContext | undefined> {
  let attached: AttachContext | undefined;
  for (const step of steps) {
    const context = await performStep(drive, step);
    // Anything that follows an attach may have changed what it said.
    attached = step.verb === "attach" && step.agent === drive.grant.agent ? context : undefined;
  }
  return attached;
}

async function observe(drive: VolumeDrive): Promise<ObservedVolume> {
  const { strategy, op, volume } = drive;
  const [observed, recorded] = await Promise.all([strategy.observe(op, volume), recordedPin(drive)]);
  return { ...observed, recorded };
}

/** Data that cannot move is at home where it first runs: on record before anything runs there, and chosen once. */
async function recordedPin({ records, strategy, volume, grant }: VolumeDrive): Promise<StorageRecord | null> {
  const recorded = await readStorageRecord(records, volume, grant.signal);
  const chosen = (recorded?.pin ?? null) !== null || (recorded?.initialised ?? null) !== null;
  if (chosen || strategy.capabilities(volume).movesBetweenAgents) return recorded ?? null;
  const pin = { agent: grant.agent, why: `its first run, epoch ${grant.epoch}, is there` };
  return pinVolume(records, volume, strategy.type, pin, grant.signal);
}

/** Read from the journal at every look: an operator's receipt, or another driver's, may have come meanwhile. */
function unfenced({ journal, former, volume }: VolumeDrive): readonly FormerHolder[] {
  return former.filter((holder) => !isFenced(journal.record.receipts, holder, volume.role));
}

function isAttached(observed: ObservedVolume, agent: string): boolean {
  return observed.attachments.some((attachment) => attachment.agent === agent);
}

function attachStep({ grant }: VolumeDrive): StorageStep {
  return { verb: "attach", agent: grant.agent, why: `epoch ${grant.epoch} runs there` };
}

interface Pause {
  why: string | null;
  ms: number;
}

async function wait(drive: VolumeDrive, pause: Pause, why: string, code: ErrorCode): Promise<void> {
  pause.ms = pause.why === why ? Math.min(WAIT_MS.max, pause.ms * WAIT_MS.factor) : WAIT_MS.first;
  pause.why = why;
  drive.onWait(why, code);
  await drive.records.clock.sleep(pause.ms, drive.grant.signal);
  await drive.journal.requireGrant();
  await drive.journal.refresh();
}

function requireContext(context: AttachContext | undefined): AttachContext {
  if (context === undefined) throw new Error("an attach without a context");
  return context;
}

function endless({ strategy, volume }: VolumeDrive, steps: readonly StorageStep[]): HoldfastError {
  const left = steps.map(({ verb }) => verb).join(", ");
  return new HoldfastError(
    "INTERNAL",
    `The plan of ${strategy.type} for ${volume.role} was carried out ${ROUNDS_MAX} times and still asks for ${left}.`,
    { hint: "This is a defect of the strategy: what it does is not what it observes." },
  );
}
