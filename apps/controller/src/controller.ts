import type { AddressInfo } from "node:net";
import { HoldfastError, type LeaseTiming, leaderRecordFormat, storePaths } from "@holdfast/core";
import { createRoutes } from "./api/routes.js";
import { createApi, isLoopback } from "./api/server.js";
import { Tokens } from "./auth/tokens.js";
import { CALL_MS, type ControllerContext } from "./context.js";
import { EventHub } from "./events.js";
import { runController } from "./lead.js";
import type { Reconciler } from "./reconcile.js";

export interface ControllerOptions {
  readonly context: ControllerContext;
  /** Address to listen on; anything but a loopback address needs tokens. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** File with the hashes of tokens; null = no authentication, on a loopback address only. */
  readonly tokensFile: string | null;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Base of this process's API as others reach it; null = they are not told. */
  readonly advertise: string | null;
  readonly version: string;
  /** Of the controllers' own lease. */
  readonly timing: LeaseTiming;
  /** Between two looks at everything, milliseconds. */
  readonly roundMs: number;
  /** An orchestrator that lives in this process runs only while it leads. */
  readonly whileLeading?: (signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Controller {
  /** Where it answers. */
  readonly url: string;
  /** Settles when everything of it has ended: after the signal, or with what made it impossible to go on. */
  readonly ended: Promise<void>;
}

/**
 * Starts to answer, and to lead whenever this process has the controllers' lease.
 * @throws `BAD_CONFIGURATION`: it would be open to everybody, its tokens cannot be read, or the address is taken.
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { context, host } = options;
  if (options.tokensFile === null && !isLoopback(host)) {
    throw new HoldfastError("BAD_CONFIGURATION", `Everybody who reaches ${host} could change every service.`, {
      hint: "Give --tokens-file FILE (see `holdfast controller token`), or listen on 127.0.0.1.",
    });
  }
  const tokens = options.tokensFile === null ? null : await Tokens.open(options.tokensFile);
  const events = new EventHub();
  const stopped = new AbortController();
  const signal = AbortSignal.any([options.signal, stopped.signal]);
  let leading: Reconciler | null = null;
  const { version, tls } = options;
  const server = await createApi({
    ...{ version, tokens, events, tls, signal, logger: context.logger },
    routes: createRoutes(context, { version, leads: () => leading !== null }),
    onChanged: (service) => leading?.wake(service),
    eventsAt: async (ended) => (leading === null ? { url: await leaderUrl(context, ended) } : "here"),
  });
  try {
    await server.listen({ host, port: options.port });
  } catch (cause) {
    throw new HoldfastError("BAD_CONFIGURATION", `Cannot listen on ${host}:${options.port}: ${String(cause)}.`, {
      hint: "Is another controller running there?",
      cause,
    });
  }
  const { port } = server.server.address() as AddressInfo;
  const url = `${tls === null ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const run = async () => {
    try {
      await runController(context, {
        ...{ timing: options.timing, roundMs: options.roundMs, signal, emit: events.emit },
        ...{ url: options.advertise ?? url, whileLeading: options.whileLeading },
        onLeading: (reconciler) => {
          leading = reconciler;
        },
      });
    } finally {
      leading = null;
      stopped.abort();
      await server.close();
    }
  };
  return { url, ended: run() };
}

async function leaderUrl({ store }: ControllerContext, signal: AbortSignal): Promise<string | null> {
  const entry = await store.get(storePaths.controller.leader, { timeoutMs: CALL_MS, signal });
  return entry === undefined ? null : leaderRecordFormat.parse(entry.data).url;
}
