/**
 * The control of every fault table: a lock wrapper as it is usually written. It believes what its client library
 * or its lock file tells it, kills its child when it hears of a loss, and has no deadline of its own. A harness in
 * which this one never overlaps does not measure anything. For tests only.
 */
import { spawn } from "node:child_process";
import { acquireFileLock } from "./file-lock.js";
import type { AcquireLock } from "./lock.js";
import { acquireZooKeeperLock } from "./zookeeper-lock.js";

const [storeUrl, service, sessionMs, ...argv] = process.argv.slice(2);
const [command, ...args] = argv;
if (storeUrl === undefined || service === undefined || command === undefined) {
  throw new Error("usage: naive STORE SERVICE SESSION-MS COMMAND [ARGS]");
}

const say = (line: string) => process.stderr.write(`naive: ${line}\n`);
const url = new URL(storeUrl);
const acquire: AcquireLock = url.protocol === "zookeeper:" ? acquireZooKeeperLock : acquireFileLock;

const lock = await acquire({ url, service, sessionMs: Number(sessionMs), say });
say(`holds the lock, epoch ${lock.epoch}`);
const child = spawn(command, args, {
  stdio: "inherit",
  env: { ...process.env, HOLDFAST_EPOCH: String(lock.epoch), HOLDFAST_RUN: `naive-${process.pid}` },
});
lock.onLost((why) => {
  say(`lost the lock: ${why}`);
  child.kill("SIGKILL");
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
child.on("exit", async (code, signal) => {
  say(`the child ended with ${code ?? signal}`);
  await lock.release();
  process.exit(code ?? 1);
});
