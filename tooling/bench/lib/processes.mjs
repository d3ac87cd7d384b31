// @ts-check
import { existsSync, readdirSync, readFileSync } from "node:fs";

const TICK_MS = 10;

/** @param {number} pid */
function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** The process and everything below it. @param {number} root @returns {number[]} */
export function descendants(root) {
  const children = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/stat`)) continue;
    try {
      const parent = Number(stat(Number(name))[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch (error) {
      // Ended while we looked.
      if (!(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")))
        throw error;
    }
  }
  const all = [];
  for (const queue = [root]; queue.length > 0; ) {
    const pid = /** @type {number} */ (queue.shift());
    all.push(pid);
    queue.push(...(children.get(pid) ?? []));
  }
  return all;
}

/** @param {number} pid */
export function commandOf(pid) {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
}

/** Proportional set size in MB: pages shared with n processes count 1/n. @param {number} pid */
export function pssMb(pid) {
  const kib = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** User and system time so far, milliseconds. @param {number} pid */
export function cpuMs(pid) {
  const fields = stat(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** @param {number} pid @param {NodeJS.Signals} signal */
export function sendSignal(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended with the one before it, which is what was wanted.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** @param {number} pid */
export function isAlive(pid) {
  return existsSync(`/proc/${pid}/smaps_rollup`);
}
