import { errorCode } from "@holdfast/core";
import type { Stat } from "node-zookeeper-client";
import type { Link } from "./link.js";
import { versionOf } from "./records.js";
import type { Workarounds } from "./workarounds.js";

export interface WatchContext {
  readonly link: Link;
  readonly workarounds: Workarounds;
  /** Bound of arming one watch. Milliseconds. */
  readonly armMs: number;
}

/**
 * Calls back when the node is made, changed or deleted. ZooKeeper's watches fire once and end with their session, so
 * this one is armed again after each event and in each new session (within one session the client renews them on
 * reconnecting). It calls back only after it is armed again: whoever then reads cannot miss a change in between.
 * It also calls back after the first arming, because what changed since the caller looked is not known here.
 */
export function watchNode(context: WatchContext, node: string, listener: () => void, signal: AbortSignal): void {
  const { link } = context;
  const notify = guarded(() => {
    if (!signal.aborted) listener();
  });
  let known: string | undefined;
  let armed = false;
  let arming = false;
  let fired = false;
  let retry: NodeJS.Timeout | undefined;

  const onEvent = () => {
    armed = false;
    fired = true;
    // This runs inside the client's socket handler: where a listener must never be called.
    if (!context.workarounds.guardsListeners) listener();
    void arm();
  };
  const arm = async (): Promise<void> => {
    if (arming || signal.aborted) return;
    arming = true;
    fired = false;
    clearTimeout(retry);
    try {
      armed = true;
      const stat = await link.call<Stat | null>(
        { repeatable: true, what: `watch ${node}` },
        (client, done) => client.exists(node, onEvent, (error, found) => done(error, found)),
        { timeoutMs: context.armMs, signal },
      );
      const seen = stat === null ? "none" : `${versionOf(stat).created}:${stat.version}`;
      if (seen !== known) notify();
      known = seen;
    } catch (error) {
      armed = false;
      // Only an error that is not the store's is a defect; the others pass, and the caller polls meanwhile.
      if (errorCode(error) === undefined && !signal.aborted) throw error;
      retry = setTimeout(() => void arm(), context.armMs).unref();
    } finally {
      arming = false;
    }
    if (fired) await arm();
  };

  link.onConnect((fresh) => {
    if (fresh || !armed) void arm();
  }, signal);
  signal.addEventListener("abort", () => clearTimeout(retry), { once: true });
  void arm();
}

/**
 * A listener's exception is a defect of the listener. It must neither end what goes on for other callers nor vanish:
 * it ends where uncaught ones do.
 */
export function guarded(listener: () => void): () => void {
  return () => {
    try {
      listener();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
