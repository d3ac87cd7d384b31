import { type Daemon, HoldfastError, hasCode, type Op } from "@holdfast/core";
import type { ClientCommand, ClientPlace } from "../driver.js";
import type { Bound } from "../volume.js";
import { findMount } from "./mounts.js";

const POLL_MS = 50;
const LAZY_UMOUNT_MS = 3_000;
const STOP_MS = 2_000;

/**
 * Starts a client and waits until its mount answers. Nothing is left of one that does not answer within its limit.
 * @throws `BUSY` when the servers do not answer, `DENIED`/`INTERNAL` with the client's own words when it ended by itself.
 */
export async function startClient(op: Op, bound: Bound, place: ClientPlace): Promise<Daemon | undefined> {
  const command = bound.driver.client(bound.volume, place);
  const attempts = [command.args, ...(command.alternatives ?? [])];
  const limitMs = Math.floor(bound.volume.options.mountTimeoutMs / attempts.length);
  for (const [index, args] of attempts.entries()) {
    try {
      return await startOne(op, bound, place, { ...command, args }, limitMs);
    } catch (error) {
      if (index === attempts.length - 1 || !hasCode(error, "BUSY")) throw error;
      op.logger.log("warn", "a storage server does not answer, trying the next", { error: String(error) });
    }
  }
  throw new HoldfastError("INTERNAL", "A client without arguments.", { hint: "Report it." });
}

async function startOne(
  op: Op,
  bound: Bound,
  place: ClientPlace,
  command: ClientCommand,
  limitMs: number,
): Promise<Daemon | undefined> {
  const deadlineMs = op.clock.now().monoMs + limitMs;
  if (command.kind === "command") {
    await op.exec(command.program, command.args, { timeoutMs: limitMs });
  }
  const daemon =
    command.kind === "daemon" ? await op.daemon(command.program, command.args, { name: place.name }) : undefined;
  try {
    await untilItAnswers(op, bound, place, daemon, deadlineMs, limitMs);
    return daemon;
  } catch (error) {
    await stopClient(op, bound, place.mountPath, daemon);
    throw error;
  }
}

async function untilItAnswers(
  op: Op,
  bound: Bound,
  place: ClientPlace,
  daemon: Daemon | undefined,
  deadlineMs: number,
  limitMs: number,
): Promise<void> {
  const { callTimeoutMs } = bound.volume.options;
  let last = "it is not mounted";
  while (true) {
    const ended = daemon?.ended();
    if (ended !== undefined) throw clientEnded(bound, place, ended, daemon?.output() ?? "");
    const remainingMs = deadlineMs - op.clock.now().monoMs;
    if (remainingMs <= 0) {
      throw new HoldfastError("BUSY", `${place.mountPath} did not answer within ${limitMs} ms: ${last}.`, {
        hint: "See whether the servers run and are reachable from this agent.",
        retryable: true,
        detail: { output: daemon?.output().slice(-500) ?? "" },
      });
    }
    if ((await findMount(op, bound, place.mountPath)) !== undefined) {
      try {
        await op.volumes.look(place.mountPath, { timeoutMs: Math.min(remainingMs, callTimeoutMs) });
        return;
      } catch (error) {
        // A client that is still connecting answers with an error or not at all.
        if (!hasCode(error, "VOLUME_IO_ERROR", "VOLUME_HUNG")) throw error;
        last = (error as Error).message;
      }
    }
    await op.clock.sleep(POLL_MS, op.signal);
  }
}

/** Takes a mount away without waiting for anybody: lazily off the tree, then its client. */
export async function stopClient(op: Op, bound: Bound, mountPath: string, daemon: Daemon | undefined): Promise<void> {
  if ((await findMount(op, bound, mountPath)) !== undefined)
    await op.exec("umount", ["--lazy", "--no-canonicalize", mountPath], { timeoutMs: LAZY_UMOUNT_MS });
  await daemon?.stop(STOP_MS);
}

function clientEnded({ driver }: Bound, place: ClientPlace, how: string, output: string): HoldfastError {
  const words = output.trim().slice(-500);
  const { code, hint } = driver.explainEnd?.(output) ?? {
    code: "INTERNAL",
    hint: words === "" ? "It said nothing; see the servers' logs." : words,
  };
  return new HoldfastError(code, `The client of ${place.mountPath} ended with ${how} instead of mounting.`, {
    hint,
    retryable: code === "BUSY",
    detail: { output: words },
  });
}
