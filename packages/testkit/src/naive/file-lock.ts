import { mkdirSync, readFileSync, renameSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { AcquireLock } from "./lock.js";

/** The textbook lock file: whoever creates it holds, touches it now and then, and is robbed when it looks old. */
export const acquireFileLock: AcquireLock = async ({ url, service, sessionMs, say }) => {
  const directory = join(url.pathname, "naive");
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${service}.lock`);
  const counter = join(directory, `${service}.epoch`);
  let epoch: number | undefined;
  for (let said = false; epoch === undefined; ) {
    const age = ageMs(path);
    if (age === undefined || age > sessionMs) epoch = take(path, counter);
    if (epoch !== undefined) break;
    if (!said) say("waiting behind the lock file");
    said = true;
    await pause(20);
  }
  const touching = setInterval(() => utimesSync(path, new Date(), new Date()), sessionMs / 10);
  return {
    epoch,
    onLost(listener) {
      process.on("uncaughtException", (error) => listener(error.message));
    },
    async release() {
      clearInterval(touching);
      unlinkSync(path);
    },
  };
};

function ageMs(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : Date.now() - stat.mtimeMs;
}

/** Undefined when another one was quicker. */
function take(path: string, counter: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined) renameSync(path, `${path}.old-${process.pid}`);
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return undefined;
    throw error;
  }
  const last = statSync(counter, { throwIfNoEntry: false }) === undefined ? 0 : Number(readFileSync(counter, "utf8"));
  writeFileSync(counter, String(last + 1));
  return last + 1;
}
