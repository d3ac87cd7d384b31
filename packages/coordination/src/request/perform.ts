import {
  type AgentId,
  type AttachContext,
  addReceipt,
  beginStep,
  endStep,
  errorCode,
  type FenceReceipt,
  type FormerHolder,
  type Grant,
  HoldfastError,
  type Op,
  type RequestRecord,
  type StorageStep,
  type StorageStrategy,
  type Volume,
} from "@holdfast/core";
import { quarantineAgent } from "../quarantine/quarantine.js";
import type { RecordContext } from "./context.js";
import type { RequestJournal } from "./journal.js";

/** What became of one step; for progress, the time split, and alerts. */
export interface StepEvent {
  readonly role: string;
  readonly verb: StorageStep["verb"];
  readonly agent: AgentId;
  readonly state: "started" | "done" | "failed";
  readonly tookMs?: number;
  readonly code?: string;
  readonly message?: string;
}

export interface StepContext {
  readonly records: RecordContext;
  readonly journal: RequestJournal;
  readonly strategy: StorageStrategy;
  readonly volume: Volume;
  readonly grant: Grant;
  readonly op: Op;
  readonly by: string;
  readonly onStep: (event: StepEvent) => void;
}

/** Another driver of the same grant was faster; the record has what it made. */
export class MadeReady extends Error {
  constructor() {
    super("the request was made ready by another driver");
    this.name = "MadeReady";
  }
}

const MESSAGE_LENGTH_MAX = 200;
const CONTEXT_BYTES_MAX = 8 * 1024;

/**
 * One step: journalled as started, done only while the grant stands, journalled with its outcome. The change that the
 * outcome makes (receipt, context) is written together with it.
 * @returns the context for an attach.
 * @throws what the strategy throws, after it was journalled; `MadeReady`; `STALE_EPOCH`; store errors.
 */
export async function performStep(context: StepContext, step: StorageStep): Promise<AttachContext | undefined> {
  const { journal, records, volume, by, onStep } = context;
  const agent = step.verb === "fence" ? step.former.agent : step.agent;
  const name = { verb: step.verb, role: volume.role, agent, by };
  // After "ready" the run goes on: a step that this driver planned before would be done to storage in use.
  const begun = { ...name, state: "started" as const, at: records.clock.wallTime() };
  await journal.write((record) => (record.state === "ready" ? record : beginStep(record, begun)));
  if (journal.record.state === "ready") throw new MadeReady();
  await journal.requireGrant();
  onStep({ role: volume.role, verb: step.verb, agent, state: "started" });
  const startedMs = records.clock.now().monoMs;
  const took = () => Math.max(0, records.clock.now().monoMs - startedMs);
  try {
    const { change, attached } = await carryOut(context, step);
    const done = { ...name, state: "done" as const, at: records.clock.wallTime(), tookMs: took() };
    await journal.write((record) => change(endStep(record, done)));
    onStep({ role: volume.role, verb: step.verb, agent, state: "done", tookMs: done.tookMs });
    return attached;
  } catch (error) {
    if (context.grant.signal.aborted) throw error;
    const code = errorCode(error) ?? "INTERNAL";
    const message = String(error instanceof Error ? error.message : error).slice(0, MESSAGE_LENGTH_MAX);
    const failed = { ...name, state: "failed" as const, at: records.clock.wallTime(), tookMs: took(), code, message };
    onStep({ role: volume.role, verb: step.verb, agent, state: "failed", tookMs: failed.tookMs, code, message });
    await journal.write((record) => endStep(record, failed));
    throw error;
  }
}

interface Outcome {
  readonly change: (record: RequestRecord) => RequestRecord;
  readonly attached?: AttachContext;
}

const unchanged: Outcome = { change: (record) => record };

async function carryOut(context: StepContext, step: StorageStep): Promise<Outcome> {
  const { strategy, op, volume, grant, records, journal } = context;
  switch (step.verb) {
    case "fence": {
      // First: an agent that was fenced and is not known to be may come back as if nothing had happened.
      await quarantineAgent(records, grant.service, step.former, step.why, grant.signal);
      const answer = await strategy.fence(op, volume, step.former, grant);
      const receipt = checkReceipt({ ...answer, role: answer.role ?? volume.role }, step.former, strategy.type);
      return { change: (record) => addReceipt(record, receipt) };
    }
    case "unfence":
      await strategy.unfence(op, volume, step.agent);
      return unchanged;
    case "detach":
      await strategy.detach(op, volume, step.agent);
      return unchanged;
    case "attach": {
      const attached = checkContext(await strategy.attach(op, volume, step.agent, grant), strategy.type);
      const value = JSON.parse(JSON.stringify(attached)) as RequestRecord["contexts"][string];
      await journal.requireGrant();
      return { change: (record) => ({ ...record, contexts: { ...record.contexts, [volume.role]: value } }), attached };
    }
    default:
      return step satisfies never;
  }
}

/** @throws `INTERNAL` for a receipt that does not say what was asked. */
export function checkReceipt(receipt: FenceReceipt, former: FormerHolder, strategy: string): FenceReceipt {
  if (receipt.agent === former.agent && receipt.fencedEpoch >= former.epoch && receipt.evidence !== "") return receipt;
  throw new HoldfastError(
    "INTERNAL",
    `The receipt of ${strategy} for epoch ${former.epoch} on ${former.agent} does not cover it: ${receipt.agent}, epoch ${receipt.fencedEpoch}.`,
    { hint: "This is a defect of the strategy; nothing was started." },
  );
}

function checkContext(context: AttachContext, strategy: string): AttachContext {
  const bytes = new TextEncoder().encode(JSON.stringify(context)).byteLength;
  if (bytes <= CONTEXT_BYTES_MAX) return context;
  throw new HoldfastError("INTERNAL", `The context of ${strategy} has ${bytes} bytes.`, {
    hint: `A context has at most ${CONTEXT_BYTES_MAX} bytes. This is a defect of the strategy.`,
  });
}
