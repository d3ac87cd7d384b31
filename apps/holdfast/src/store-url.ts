import { existsSync } from "node:fs";
import { createDirectoryStore, createZooKeeperStore, parseZooKeeperUrl } from "@holdfast/coordination";
import { type CoordinationStore, HoldfastError, hasCode } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import type { StoreCredentials } from "@holdfast/supervisor";

export interface OpenStoreOptions {
  readonly url: string;
  readonly credentials: StoreCredentials;
  /** A server that says nothing for this long is left. Milliseconds. */
  readonly silenceMs: number;
  readonly sessionTimeoutMs: number;
  /** Bound of the first contact. */
  readonly timeoutMs: number;
  /** Try again until aborted when the store is away; null = the first failure is final. */
  readonly retryUntil: AbortSignal | null;
  /** False for whoever looks: a directory that is no store yet is a mistake in the URL. */
  readonly mayCreate: boolean;
}

const RETRY_PAUSE_MS = 100;

/**
 * Makes the store that a URL names and its first contact.
 * @throws `BAD_CONFIGURATION` for a URL that names none; what `CoordinationStore.open` throws.
 */
export async function openStore(options: OpenStoreOptions): Promise<CoordinationStore> {
  for (;;) {
    const store = await createStore(options);
    try {
      await store.open({ timeoutMs: options.timeoutMs });
      return store;
    } catch (error) {
      await store.close();
      const again = options.retryUntil !== null && !options.retryUntil.aborted;
      if (!again || !hasCode(error, "STORE_UNREACHABLE", "UNKNOWN_OUTCOME")) throw error;
      await systemClock.sleep(RETRY_PAUSE_MS);
    }
  }
}

async function createStore(options: OpenStoreOptions): Promise<CoordinationStore> {
  const { url, credentials, silenceMs, sessionTimeoutMs, mayCreate } = options;
  if (url.startsWith("dir://")) {
    const root = url.slice("dir://".length);
    if (!root.startsWith("/")) throw badUrl(url, "the path must be absolute");
    if (!mayCreate && !existsSync(root)) throw noStore(url);
    return createDirectoryStore({ directory: root });
  }
  if (url.startsWith("zookeeper://") || url.startsWith("zookeeper+tls://")) {
    return createZooKeeperStore({
      ...parseZooKeeperUrl(url),
      silenceMs,
      sessionTimeoutMs,
      authFile: credentials.authFile,
      tls: credentials.tls,
    });
  }
  throw badUrl(url, "it names no known kind of store");
}

function noStore(url: string): HoldfastError {
  return new HoldfastError("NOT_FOUND", `There is no store at ${url}.`, {
    hint: "See whether the path is right, and this the machine. The first `holdfast run` or `volume init` makes the store.",
  });
}

function badUrl(url: string, why: string): HoldfastError {
  return new HoldfastError("BAD_CONFIGURATION", `The store URL ${url} cannot be used: ${why}.`, {
    hint: "Use zookeeper://host:2181,host:2181/chroot, zookeeper+tls://…, or dir:///absolute/path for one machine.",
  });
}
