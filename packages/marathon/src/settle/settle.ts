import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError, hasCode } from "@holdfast/core";
import type { AppsApi } from "../apps.js";
import { type AppWrite, judgeAppWrite, type Verdict } from "./judge.js";

export interface SettleOptions {
  /**
   * How long "not applied" must hold before it is believed. Default 25 000: a standby waits 10 s for the leader and the
   * leader may have the request in hand for as long again. A leader that was stopped for longer can still apply it: a
   * repeated change must therefore be one that may be repeated (`replace`, `create`), or decided on the version.
   */
  readonly settleMs?: number;
  /** Between two looks. Default 1 000. */
  readonly pollMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * After `UNKNOWN_OUTCOME`: reads the app until it shows what became of the change. `applied` and `overtaken` are told at
 * once, `not-applied` after `settleMs`.
 * @throws `UNKNOWN_OUTCOME`: Marathon could not be read at the end of that time. Nothing may be concluded; call again.
 */
export async function settleApp(
  apps: Pick<AppsApi, "find">,
  id: string,
  write: AppWrite,
  options: SettleOptions = {},
): Promise<Verdict> {
  const { settleMs = 25_000, pollMs = 1_000, signal } = options;
  const endsAtMs = performance.now() + settleMs;
  for (;;) {
    const outcome = await look(apps, id, write, signal);
    if (outcome.kind === "applied" || outcome.kind === "overtaken") return outcome;
    if (performance.now() >= endsAtMs) {
      if (outcome.kind === "not-applied") return outcome;
      throw stillUnknown(id, settleMs, outcome.error);
    }
    await pause(Math.min(pollMs, Math.max(0, endsAtMs - performance.now())), signal);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted(); // Node wraps the reason
    throw error;
  }
}

async function look(
  apps: Pick<AppsApi, "find">,
  id: string,
  write: AppWrite,
  signal: AbortSignal | undefined,
): Promise<Verdict | { readonly kind: "unread"; readonly error: unknown }> {
  try {
    return judgeAppWrite(write, await apps.find(id, { signal }));
  } catch (error) {
    // The same trouble that took the answer may go on for a while; anything else will not get better.
    if (hasCode(error, "API_UNREACHABLE", "BUSY")) return { kind: "unread", error };
    throw error;
  }
}

function stillUnknown(id: string, settleMs: number, cause: unknown): HoldfastError {
  return new HoldfastError(
    "UNKNOWN_OUTCOME",
    `What became of the change to ${id} could not be read for ${settleMs} ms.`,
    {
      hint: "Nothing may be concluded. Read it when Marathon answers again, before any other change.",
      retryable: true,
      cause,
    },
  );
}
