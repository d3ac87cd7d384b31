// @ts-check
import { spawn } from "node:child_process";
import { once } from "node:events";
import { realtimeMs } from "./stats.mjs";

/** A child that says on its first instruction, as nearly as a shell can, what time it is; then it stays. */
export const TIMED_CHILD = ["sh", "-c", "date +%s%N; exec sleep 600"];

/**
 * Starts a wrapper around {@link TIMED_CHILD} and waits for the child's first line.
 * @param {readonly string[]} argv
 * @param {{ readonly env?: Readonly<Record<string, string>> }} [options]
 */
export function startWrapper(argv, options = {}) {
  const [file = "", ...args] = argv;
  const startedAtMs = realtimeMs();
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  let text = "";
  /** @type {Promise<number>} */
  const childStartedAtMs = new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      text += chunk;
      // etcdctl prints the lock's key first.
      const stamp = /^\d{19}$/m.exec(text)?.[0];
      if (stamp !== undefined) resolve(Number(BigInt(stamp) / 1000n) / 1000);
    });
    child.once("exit", (code, signal) => reject(new Error(`${argv.join(" ")} ended with ${code ?? signal}: ${log}`)));
  });
  // Somebody may only want the wrapper's end.
  childStartedAtMs.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    startedAtMs,
    childStartedAtMs,
    log: () => log,
    /** @param {RegExp} pattern */
    async said(pattern) {
      while (!pattern.test(log)) await once(child.stderr, "data");
    },
    /** @param {NodeJS.Signals} signal */
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    },
    exited: () =>
      child.exitCode !== null || child.signalCode !== null
        ? Promise.resolve()
        : once(child, "exit").then(() => undefined),
  };
}
