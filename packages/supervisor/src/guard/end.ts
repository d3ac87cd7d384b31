import { describeOutcome } from "./outcome.js";
import { note } from "./stop.js";
import { inPhase, type Turn } from "./turn.js";

export type ReleaseState = { readonly kind: "released" } | { readonly kind: "yield"; readonly needsFence: string };

/** Asks for the record to be written. From the sending on nothing more is started, renewed or written under this grant. */
export function release(turn: Turn, state: ReleaseState): void {
  const { limits, leftover } = turn.state;
  turn.disarm("hurry", "leftover");
  // A caller that released with something left would admit a second writer; there is one road here for both.
  turn.set({ leftover: state.kind === "yield" ? (leftover ?? state.needsFence) : leftover });
  turn.enter("releasing");
  turn.arm("release", limits.releaseMs);
  releaseNow(turn);
}

/** A lock process that only resumes has nothing in hand to release, so it is waited for until it confirms a renewal. */
export function releaseNow(turn: Turn): void {
  const { lock, releaseSent, leftover, ending } = turn.state;
  if (!inPhase(turn.state, "releasing") || releaseSent || !lock.alive || !lock.holds) return;
  turn.set({ releaseSent: true });
  turn.disarm("renew", "silence", "lock-restart", "history-retry");
  const state: ReleaseState =
    leftover === null ? { kind: "released" } : { kind: "yield", needsFence: leftover.slice(0, 300) };
  turn.toLock({ type: "release", state, note: note(ending) });
}

export function onReleaseTimer(turn: Turn): void {
  const { limits, lock } = turn.state;
  turn.log(
    "warn",
    `the release was not confirmed within ${limits.releaseMs} ms; a successor waits until the lease has run out`,
  );
  turn.emit({ type: "kill-lock", generation: lock.generation });
  end(turn, false);
}

export function end(turn: Turn, released: boolean): void {
  if (inPhase(turn.state, "ended")) return;
  turn.enter("ended");
  turn.set({ timers: {} });
  const { exitCode, report } = describeOutcome(turn.state, turn.at, released);
  turn.log("info", `${report.cause}; exit code ${exitCode}`, { released, code: report.code });
  turn.emit({ type: "end", exitCode, report });
}
