import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { bounded, monotonicMs } from "@holdfast/effects";
import type { ClientTarget, DemoEngine, DemoSession } from "../engines/types.js";
import { formatEvent, keyFor, parseEvents, valueFor, type WriteEvent } from "./log.js";

export interface WriterOptions {
  readonly agent: string;
  readonly engine: DemoEngine;
  readonly target: ClientTarget;
  readonly logFile: string;
  readonly writesPerSecond: number;
  readonly signal: AbortSignal;
}

const CONNECT_PAUSE_MS = 50;
const CONNECT_MS = 5_000;
const ANSWER_MS = 10_000;

/**
 * Writes unique keys to the database of its own agent whenever that serves, one after the other, as fast as
 * acknowledgements come up to a limit. It knows nothing of leases: it is what a database's users are.
 */
export async function runWriter(options: WriterOptions): Promise<void> {
  const { signal, engine, target } = options;
  let seq = nextSequenceNumber(options.logFile);
  let lastRefusal = "";
  const log = openSync(options.logFile, "a");
  try {
    while (!signal.aborted) {
      const session = await tryConnect(engine, target);
      if (typeof session === "string") {
        if (session !== lastRefusal) console.error(`${monotonicMs().toFixed(3)} not connected: ${session}`);
        lastRefusal = session;
        await pause(CONNECT_PAUSE_MS);
        continue;
      }
      seq = await writeUntilFailure(options, session, log, seq);
      session.close();
    }
  } finally {
    closeSync(log);
  }
}

/** A number is never used again, also not after the machine was killed and booted. */
function nextSequenceNumber(logFile: string): number {
  if (!existsSync(logFile)) return 1;
  const text = readFileSync(logFile, "utf8");
  // A line that the machine's death cut short must not become the beginning of the next one. Its number may have
  // been used, and is at most one more than the last whole one.
  truncateSync(logFile, Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1)));
  return parseEvents(text).reduce((last, event) => Math.max(last, event.seq), 0) + 2;
}

/** A session, or why there is none: nobody serves on this agent, which is the usual state of all but one. */
async function tryConnect(engine: DemoEngine, target: ClientTarget): Promise<DemoSession | string> {
  const attempt = new AbortController();
  const timer = setTimeout(() => attempt.abort(), CONNECT_MS);
  try {
    return await engine.connect(target, attempt.signal);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}

async function writeUntilFailure(
  { agent, signal, writesPerSecond }: WriterOptions,
  session: DemoSession,
  log: number,
  firstSeq: number,
): Promise<number> {
  const { epoch } = session;
  const note = (kind: WriteEvent["kind"], seq: number) => {
    writeSync(log, formatEvent({ kind, epoch, seq, atMs: monotonicMs() }));
  };
  let seq = firstSeq;
  let dueMs = monotonicMs();
  while (!signal.aborted) {
    const key = keyFor({ epoch, agent, seq });
    note("sent", seq);
    try {
      await bounded(session.insert(key, valueFor(key)), {
        timeoutMs: ANSWER_MS,
        signal,
        code: "UNKNOWN_OUTCOME",
        what: "A write",
        hint: "The database hangs.",
      });
    } catch (error) {
      console.error(`${monotonicMs().toFixed(3)} epoch ${epoch} seq ${seq} was not acknowledged: ${String(error)}`);
      return seq + 1;
    }
    note("acknowledged", seq);
    seq += 1;
    dueMs = Math.max(dueMs + 1_000 / writesPerSecond, monotonicMs() - 20);
    const waitMs = dueMs - monotonicMs();
    if (waitMs >= 1) await pause(waitMs);
  }
  return seq;
}
