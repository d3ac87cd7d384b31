import { ERROR_CODES, EXIT_CODES, type RunReport, signalExitCode } from "@holdfast/core";
import { signalName } from "../signals.js";
import type { Reading } from "./events.js";
import type { Ending, GuardState } from "./state.js";

export interface GuardOutcome {
  readonly exitCode: number;
  readonly report: RunReport;
}

interface Verdict {
  readonly exitCode: number;
  readonly origin: "application" | "holdfast";
  readonly code: string | null;
  readonly cause: string;
  readonly hint: string | null;
  readonly signal: string | null;
}

const SIGKILL = 9;
const SIGTERM = 15;

/** Pure: whose number the exit code is, and why. */
export function describeOutcome(state: GuardState, at: Reading, released: boolean): GuardOutcome {
  const verdict = judge(state);
  const cause = state.leftover === null ? verdict.cause : `${verdict.cause}; ${state.leftover}`;
  return {
    exitCode: verdict.exitCode,
    report: {
      v: 1,
      service: state.config.service,
      run: state.grant?.run ?? "",
      agent: state.config.agent,
      epoch: state.grant?.epoch ?? null,
      exitCode: verdict.exitCode,
      origin: verdict.origin,
      code: verdict.code,
      cause,
      hint: verdict.hint,
      signal: verdict.signal,
      released,
      protection: state.protection,
      grade: state.config.grade,
      takeover: [...state.laps],
      startedAt: state.startedAt.wall,
      endedAt: at.wall,
    },
  };
}

function judge(state: GuardState): Verdict {
  const ending: Ending = state.ending ?? { kind: "application" };
  if (ending.kind === "failure") {
    const { code, message, hint } = ending;
    return {
      exitCode: EXIT_CODES[ERROR_CODES[code].exit],
      origin: "holdfast",
      code,
      cause: message,
      hint,
      signal: null,
    };
  }
  const own = { origin: "application", code: null, hint: null } as const;
  if (state.application.kind === "ended") {
    const { ended } = state.application;
    if (ended.kind === "code") {
      return { ...own, exitCode: ended.code, cause: `the application ended with ${ended.code}`, signal: null };
    }
    const signal = signalName(ended.signal);
    return { ...own, exitCode: signalExitCode(ended.signal), cause: `the application was ended by ${signal}`, signal };
  }
  if (state.stopped.killed) {
    const cause = `the application did not stop within ${state.config.timing.stopBudgetMs} ms and was killed`;
    return { ...own, exitCode: signalExitCode(SIGKILL), cause, signal: "SIGKILL" };
  }
  const signal = ending.kind === "signal" ? ending.signal : SIGTERM;
  const cause = `${ending.kind === "handover" ? "a handover was asked for" : signalName(signal)} before the application was started`;
  return {
    exitCode: signalExitCode(signal),
    origin: "holdfast",
    code: null,
    cause,
    hint: null,
    signal: signalName(signal),
  };
}
