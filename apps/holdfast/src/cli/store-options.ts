import type { LeaseContext } from "@holdfast/coordination";
import { type CoordinationStore, DEFAULT_LEASE_TIMING, HoldfastError, storePaths, timeBudget } from "@holdfast/core";
import { readMachineIdentity, systemClock } from "@holdfast/effects";
import type { Command } from "commander";
import { openStore } from "../store-url.js";

/** How the store is reached; the same names as in `run`. */
export interface StoreAccessFlags {
  readonly store?: string;
  readonly storeAuthFile?: string;
  readonly storeCa?: string;
  readonly storeCert?: string;
  readonly storeKey?: string;
  readonly storeServerName?: string;
}

/** Flags of every command that talks to the store about one service. */
export interface StoreFlags extends StoreAccessFlags {
  readonly service: string;
}

const TIMEOUT_MS = 10_000;

export function withStoreFlags(command: Command): Command {
  return withStoreAccessFlags(command.requiredOption("--service <name>", "the service"));
}

export function withStoreAccessFlags(command: Command): Command {
  return command
    .option("--store <url>", "zookeeper://…, zookeeper+tls://… or dir:///path (default: $HOLDFAST_STORE)")
    .option("--store-auth-file <file>", "file with user:password for digest authentication")
    .option("--store-ca <file>", "CA certificate for zookeeper+tls")
    .option("--store-cert <file>", "client certificate")
    .option("--store-key <file>", "key of the client certificate")
    .option("--store-server-name <name>", "name to expect in the server's certificate")
    .option("--json", "machine-readable output");
}

export interface StoreSession {
  readonly context: LeaseContext;
  readonly requestPath: string;
  readonly options: { readonly timeoutMs: number; readonly signal: AbortSignal };
}

/**
 * Opens the store for one command and closes it whatever happens.
 * @param limitMs - for the whole of the command.
 */
export async function withStore<T>(
  flags: StoreFlags,
  action: (session: StoreSession) => Promise<T>,
  limitMs = TIMEOUT_MS * 2,
): Promise<T> {
  const url = flags.store ?? process.env.HOLDFAST_STORE;
  if (url === undefined) {
    throw new HoldfastError("USAGE", "No store was given.", { hint: "Give --store URL or set HOLDFAST_STORE." });
  }
  return withLimit(limitMs, (signal) => inStore(url, flags, signal, action));
}

/**
 * One limit for the whole of a command.
 * @throws `UNKNOWN_OUTCOME` when it is reached.
 */
export async function withLimit<T>(limitMs: number, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(limitMs);
  try {
    return await action(signal);
  } catch (cause) {
    if (cause !== signal.reason || !signal.aborted) throw cause;
    throw new HoldfastError("UNKNOWN_OUTCOME", `The command was not done within ${limitMs} ms.`, {
      hint: "The store or the storage stopped answering. Look at `holdfast lock status`, then give the command again.",
      retryable: true,
      cause,
    });
  }
}

async function inStore<T>(
  url: string,
  flags: StoreFlags,
  signal: AbortSignal,
  action: (session: StoreSession) => Promise<T>,
): Promise<T> {
  const store = await openStore({
    url,
    credentials: credentialsOf(flags),
    silenceMs: timeBudget(DEFAULT_LEASE_TIMING).silenceMs,
    sessionTimeoutMs: DEFAULT_LEASE_TIMING.leaseMs,
    timeoutMs: TIMEOUT_MS,
    retryUntil: null,
    mayCreate: false,
  });
  try {
    return await action(sessionOf(store, flags.service, signal));
  } finally {
    await store.close();
  }
}

export function credentialsOf(flags: StoreAccessFlags) {
  const { storeCa, storeCert, storeKey, storeServerName } = flags;
  return {
    authFile: flags.storeAuthFile ?? null,
    tls:
      storeCa === undefined
        ? null
        : {
            caFile: storeCa,
            certFile: storeCert ?? null,
            keyFile: storeKey ?? null,
            serverName: storeServerName ?? null,
          },
  };
}

function sessionOf(store: CoordinationStore, service: string, signal: AbortSignal): StoreSession {
  const machine = readMachineIdentity();
  return {
    context: {
      store,
      paths: {
        lease: storePaths.lease(service),
        history: storePaths.history(service),
        queue: storePaths.queue(service),
      },
      identity: { service, agent: machine.host, ...machine, pid: process.pid, task: null },
      timing: DEFAULT_LEASE_TIMING,
      clock: systemClock,
    },
    requestPath: storePaths.request(service),
    options: { timeoutMs: TIMEOUT_MS, signal },
  };
}
