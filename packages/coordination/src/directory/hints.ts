import { watch } from "node:fs";
import { errorCode } from "@holdfast/core";
import { isSystemError } from "./errors.js";

/** How often one looks without any hint: inotify may run out of watches, and a process dies without touching a file. */
const LOOK_EVERY_MS = 500;

/**
 * Calls back when something happens to a file or directory, if the kernel can be asked to. watch(2) resolves the path
 * in this thread: the caller has just read there, so that the answer is in the kernel's cache and no disk is waited for.
 */
function onFileEvent(path: string, listener: () => void): (() => void) | undefined {
  try {
    const watcher = watch(path, { persistent: false }, () => listener());
    // The watch is lost (its file system went away); the regular look remains.
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return undefined;
  }
}

export interface Sight {
  /** What was seen; a callback is due when it is another. */
  readonly identity: string;
  /** Where events announce a change, as paths that exist. */
  readonly watchPaths: readonly string[];
}

/**
 * Looks now, at every hint, and regularly; calls back when what it sees is something else than before, and once at the
 * beginning, because what changed before the first look cannot be told.
 * @param look - Bounded. Its store errors are not passed on: the caller's own calls meet them.
 */
export function watchSight(look: () => Promise<Sight>, onChange: (sight: Sight) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  const watches = new Map<string, () => void>();
  let last: string | undefined;
  let looking = false;
  let lookAgain = false;

  const lookOnce = async () => {
    lookAgain = false;
    const sight = await look();
    if (signal.aborted) return;
    for (const [path, stop] of watches) {
      if (sight.watchPaths.includes(path)) continue;
      stop();
      watches.delete(path);
    }
    let armed = false;
    for (const path of sight.watchPaths) {
      if (watches.has(path)) continue;
      const stop = onFileEvent(path, hint);
      if (stop === undefined) continue;
      watches.set(path, stop);
      armed = true;
    }
    // What happened between the look and the arming of the watch announced itself to nobody.
    if (armed) lookAgain = true;
    if (sight.identity === last) return;
    last = sight.identity;
    onChange(sight);
  };
  const hint = () => {
    lookAgain = true;
    void lookWhileHinted();
  };
  const lookWhileHinted = async () => {
    if (looking) return;
    looking = true;
    try {
      while (lookAgain && !signal.aborted) await lookOnce();
    } catch (error) {
      if (errorCode(error) === undefined && !signal.aborted) throw error;
    } finally {
      looking = false;
    }
  };

  const timer = setInterval(hint, LOOK_EVERY_MS);
  timer.unref();
  signal.addEventListener(
    "abort",
    () => {
      clearInterval(timer);
      for (const stop of watches.values()) stop();
      watches.clear();
    },
    { once: true },
  );
  hint();
}
