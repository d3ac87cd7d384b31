import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { HoldfastError, type Logger } from "@holdfast/core";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import * as z from "zod";
import { type Caller, hasRole, type Role, type Tokens } from "../auth/tokens.js";
import type { EventHub } from "../events.js";
import { errorAnswer, forbidden, unauthorised } from "./errors.js";
import { openApiDocument } from "./openapi.js";
import type { Route } from "./route.js";
import { streamEvents } from "./sse.js";

export interface ApiOptions {
  readonly routes: readonly Route[];
  readonly version: string;
  /** Null = everybody who reaches it is an admin; only on a loopback address. */
  readonly tokens: Tokens | null;
  readonly events: EventHub;
  /** Something was changed through this process; null = of all services. */
  readonly onChanged: (service: string | null) => void;
  /** Where events are: here, or at the leader. */
  readonly eventsAt: (signal: AbortSignal) => Promise<"here" | { readonly url: string | null }>;
  readonly logger: Logger;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Bound of one request, milliseconds; a test's is shorter. */
  readonly requestMs?: number;
  /** Ends the streams, which would otherwise keep the server open. */
  readonly signal: AbortSignal;
}

const BODY_BYTES_MAX = 256 * 1024;
const REQUEST_MS = 30_000;
const REQUESTS_MAX = 200;
const STREAMS_MAX = 100;
/** Who everybody is without tokens. */
const LOCAL: Caller = { name: "local", role: "admin" };

/** The HTTP side. It decides nothing: it checks who asks and what, and hands it on. */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const https =
    options.tls === null
      ? null
      : { cert: await readFile(options.tls.certFile), key: await readFile(options.tls.keyFile) };
  const server = fastify({
    ...{ https, bodyLimit: BODY_BYTES_MAX, requestTimeout: REQUEST_MS, connectionTimeout: 2 * REQUEST_MS },
    ...{ keepAliveTimeout: 15_000, forceCloseConnections: true, logger: false, routerOptions: { maxParamLength: 255 } },
  }) as unknown as FastifyInstance;
  let underWay = 0;
  server.addHook("onRequest", async (request, reply) => {
    underWay += 1;
    reply.raw.once("close", () => {
      underWay -= 1;
    });
    if (underWay > REQUESTS_MAX + STREAMS_MAX) throw busy("requests");
    if (options.tokens === null) refuseBrowsers(request);
  });
  server.setErrorHandler((error, request, reply) => refuse(error, request, reply, options.logger));
  server.setNotFoundHandler((request) => {
    throw new HoldfastError("NOT_FOUND", `There is no ${request.method} ${request.url.split("?", 1)[0]}.`, {
      hint: "See /openapi.json.",
    });
  });
  for (const route of options.routes) addRoute(server, route, options);
  const document = openApiDocument(options.routes, options.version);
  server.get("/openapi.json", async () => document);
  server.get("/healthz", async () => ({ ok: true }));
  server.get("/v1/events", async (request, reply) => {
    await authenticate(request, options.tokens, "view");
    const at = await options.eventsAt(AbortSignal.timeout(REQUEST_MS));
    if (at !== "here") return elsewhere(at.url, reply);
    if (options.events.listeners >= STREAMS_MAX) throw busy("event streams");
    streamEvents(options.events, request, reply, options.signal);
    return reply;
  });
  return server;
}

function addRoute(server: FastifyInstance, route: Route, options: ApiOptions): void {
  server.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ":$1"),
    async handler(request, reply) {
      const caller = await authenticate(request, options.tokens, route.role);
      const gone = new AbortController();
      reply.raw.once("close", () => {
        if (!reply.raw.writableFinished) gone.abort(new Error("the caller is gone"));
      });
      const params = parsed(route.params, request.params, "the address");
      const signal = AbortSignal.any([AbortSignal.timeout(options.requestMs ?? REQUEST_MS), gone.signal]);
      setMaxListeners(0, signal); // a page of services is looked at side by side
      const asked = route.handle({
        params,
        query: parsed(route.query, request.query, "the query"),
        body: route.body === null ? {} : parsed(route.body, request.body, "the body"),
        ...{ signal, caller },
      });
      const answer = await asked.catch((error: unknown) => {
        throw signal.aborted && error === signal.reason ? notInTime(route.method, error) : error;
      });
      if (route.method !== "GET") options.onChanged((params as { service?: string }).service ?? null);
      return reply.code(route.status).type("application/json").send(jsonText(answer));
    },
  });
}

/** Bigints as decimal strings, as everywhere. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => (typeof field === "bigint" ? field.toString() : field));
}

function parsed(schema: z.ZodType, input: unknown, what: string): unknown {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  throw new HoldfastError("USAGE", `Something is wrong with ${what}: ${z.prettifyError(result.error)}`, {
    hint: "See /openapi.json.",
  });
}

async function authenticate(request: FastifyRequest, tokens: Tokens | null, needed: Role): Promise<Caller> {
  const caller = tokens === null ? LOCAL : await callerOf(request, tokens);
  if (!hasRole(caller, needed)) throw forbidden(caller.name, caller.role, needed);
  return caller;
}

async function callerOf({ headers }: FastifyRequest, tokens: Tokens): Promise<Caller> {
  const token = /^Bearer ([A-Za-z0-9_.~+/=-]{1,500})$/i.exec(headers.authorization ?? "")?.[1];
  const caller = token === undefined ? undefined : await tokens.find(token);
  if (caller === undefined) throw unauthorised();
  return caller;
}

/** Without tokens, a page in somebody's browser on this machine must not be an admin (DNS rebinding, forged requests). */
function refuseBrowsers({ headers }: FastifyRequest): void {
  const host = (headers.host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (headers.origin === undefined && (host === "localhost" || isLoopback(host))) return;
  throw new HoldfastError("DENIED", "Without tokens, only programs on this machine are answered.", {
    hint: "Use a loopback address and no browser, or start the controller with --tokens-file.",
  });
}

/** Pure: whether only this machine can reach an address. A name may be anything, except `localhost`. */
export function isLoopback(address: string): boolean {
  if (address === "localhost") return true;
  return isIP(address) === 4 ? address.startsWith("127.") : address === "::1";
}

function elsewhere(url: string | null, reply: FastifyReply) {
  if (url !== null)
    return reply
      .code(307)
      .header("location", `${url.replace(/\/$/, "")}/v1/events`)
      .send();
  throw new HoldfastError("BUSY", "Events are at the controller that leads, and it is not known where that is.", {
    hint: "Ask the other controllers, or start each with --advertise URL.",
    retryable: true,
  });
}

function notInTime(method: Route["method"], cause: unknown): HoldfastError {
  const code = method === "GET" ? "STORE_UNREACHABLE" : "UNKNOWN_OUTCOME";
  return new HoldfastError(code, "The store or the storage did not answer in time.", {
    hint: method === "GET" ? "Ask again." : "It may have been done all the same: look, then ask again.",
    retryable: true,
    cause,
  });
}

function busy(what: string): HoldfastError {
  return new HoldfastError("BUSY", `Too many ${what} are open here.`, { hint: "Ask again later.", retryable: true });
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const { status, body } = errorAnswer(error);
  if (status === 500) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    logger.log("error", "a request failed", { method: request.method, route: request.routeOptions.url, error: text });
  }
  const unknown = body.error.detail.authenticated === false;
  if (unknown) void reply.header("www-authenticate", "Bearer");
  return reply
    .code(unknown ? 401 : status)
    .type("application/json")
    .send(jsonText(body));
}
