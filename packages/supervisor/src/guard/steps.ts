import type { MountEntry } from "@holdfast/core";
import type { StepOutcome } from "../init/protocol.js";
import { onMarked, onPromoted, onVerified } from "./prepare.js";
import { onDemoteEnded } from "./promotion.js";
import type { StepPurpose } from "./state.js";
import { fail } from "./stop.js";
import type { Turn } from "./turn.js";
import { onProbed } from "./watch.js";

/**
 * Programs that run under the init, so that the deadline covers them. One at a time, because they share the
 * descriptor of their output.
 */
export function startStep(turn: Turn, purpose: StepPurpose, argv: readonly string[], timeoutMs: number): void {
  const id = `${purpose}-${turn.nextNumber()}`;
  turn.set({ step: { id, purpose, timeoutMs } });
  turn.toInit({ type: "step", id, argv });
  turn.arm("step", timeoutMs);
}

export function onStepEnded(
  turn: Turn,
  id: string,
  outcome: StepOutcome,
  output: string,
  mounts: readonly MountEntry[],
): void {
  const { step } = turn.state;
  // The end of a step that was given up says nothing any more.
  if (step === null || step.id !== id) return;
  turn.disarm("step");
  turn.set({ step: null });
  if (outcome.kind === "refused" && outcome.reason !== "duplicate") {
    const hint = "Nothing was started after the deadline.";
    return fail(
      turn,
      { code: "LEASE_LOST", message: `A step was refused by the init (${outcome.reason}).`, hint },
      "kill",
    );
  }
  switch (step.purpose) {
    case "verify":
      return onVerified(turn, outcome, output, mounts);
    case "mark":
      return onMarked(turn, outcome, output);
    case "probe":
      return onProbed(turn, outcome, output);
    case "promote":
      return onPromoted(turn, outcome);
    case "demote":
      return onDemoteEnded(turn, outcome);
  }
}

/** It hangs. SIGKILL, and no waiting for it: a process in the kernel does not end. */
export function onStepTimer(turn: Turn): void {
  const { step } = turn.state;
  if (step === null) return;
  turn.toInit({ type: "step-kill", id: step.id });
  turn.set({ step: null });
  const outcome = { kind: "timeout", timeoutMs: step.timeoutMs } as const;
  switch (step.purpose) {
    case "verify":
      return onVerified(turn, outcome, "", []);
    case "mark":
      return onMarked(turn, outcome, "");
    case "probe":
      return onProbed(turn, outcome, "");
    case "promote":
      return onPromoted(turn, outcome);
    case "demote":
      return onDemoteEnded(turn, outcome);
  }
}
