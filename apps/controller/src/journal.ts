import {
  closeOperation,
  type DecisionsRecord,
  HoldfastError,
  noteStep,
  type Operation,
  type OperationVerb,
  openOperation,
  requireLeader,
} from "@holdfast/core";
import type { ControllerContext } from "./context.js";
import type { ControllerEvent } from "./events.js";
import { updateDecisions } from "./records.js";

/** A controller while it leads. */
export interface Leading {
  readonly context: ControllerContext;
  /** Of the controller's own lease: everything written to a journal carries it. */
  readonly epoch: bigint;
  readonly emit: (event: ControllerEvent) => void;
}

/** Puts an operation on record before anything of it is done. @throws `BUSY`, `STALE_EPOCH`. */
export async function beginOperation(
  { context, epoch, emit }: Leading,
  service: string,
  operation: Operation,
  signal: AbortSignal,
): Promise<void> {
  const decide = (before: DecisionsRecord | undefined): DecisionsRecord => {
    requireLeader(before, epoch);
    return { ...openOperation(before, service, operation), leader: epoch };
  };
  await updateDecisions(context, service, decide, signal);
  const { id, kind, reason, automatic } = operation;
  emit({ kind: "operation", service, at: operation.at, detail: { id, kind, reason, automatic, state: "asked" } });
}

/** The journal of one operation: each step is written down before it is done and after. */
export class Journal {
  readonly #leading: Leading;
  readonly #service: string;
  readonly #signal: AbortSignal;
  #operation: Operation;

  constructor(leading: Leading, service: string, operation: Operation, signal: AbortSignal) {
    this.#leading = leading;
    this.#service = service;
    this.#operation = operation;
    this.#signal = signal;
  }

  isDone(verb: OperationVerb): boolean {
    return this.#operation.steps.some((step) => step.verb === verb && step.state === "done");
  }

  /**
   * Writes that the step begins, does it, and writes how it ended. What it throws is written down and thrown again.
   * @throws `STALE_EPOCH` when another controller leads: nothing more may be done.
   */
  async around<T>(verb: OperationVerb, action: () => Promise<T>): Promise<T> {
    const { clock } = this.#leading.context;
    await this.#note(verb, "started");
    const beganMs = clock.now().monoMs;
    const tookMs = () => Math.max(0, Math.round(clock.now().monoMs - beganMs));
    let result: T;
    try {
      this.#signal.throwIfAborted();
      result = await action();
    } catch (error) {
      // Cut short is not failed: whoever goes on looks whether it took effect.
      if (this.#signal.aborted) throw error;
      await this.#note(verb, "failed", tookMs(), error instanceof Error ? error.message : String(error));
      throw error;
    }
    await this.#note(verb, "done", tookMs());
    return result;
  }

  /** A step that the world shows to be done. */
  async skip(verb: OperationVerb, note: string): Promise<void> {
    await this.#note(verb, "done", undefined, note);
  }

  async close(end: { readonly failure?: NonNullable<Operation["failure"]>; readonly note?: string }): Promise<void> {
    const { context, epoch, emit } = this.#leading;
    const at = context.clock.wallTime();
    const { id, kind } = this.#operation;
    const decide = (before: DecisionsRecord | undefined) => closeOperation(before, id, epoch, { ...end, at });
    await updateDecisions(context, this.#service, decide, this.#signal);
    const state = end.failure === undefined ? "done" : "failed";
    emit({ kind: "operation", service: this.#service, at, detail: { id, kind, state, ...end } });
  }

  async #note(
    verb: OperationVerb,
    state: "started" | "done" | "failed",
    tookMs?: number,
    note?: string,
  ): Promise<void> {
    const { context, epoch, emit } = this.#leading;
    const { id } = this.#operation;
    const step = {
      ...{ verb, state, at: context.clock.wallTime() },
      ...(tookMs === undefined ? {} : { tookMs }),
      ...(note === undefined ? {} : { note: note.slice(0, 300) }),
    };
    const decide = (before: DecisionsRecord | undefined) => noteStep(before, id, epoch, step);
    const written = await updateDecisions(context, this.#service, decide, this.#signal);
    if (written.current === null) throw new HoldfastError("STALE_EPOCH", `Operation ${id} has ended.`, { hint: "" });
    this.#operation = written.current;
    emit({ kind: "step", service: this.#service, at: step.at, detail: { operation: id, ...step } });
  }
}
