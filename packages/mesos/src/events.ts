import {
  DEFAULT_BACKOFF,
  type HttpClient,
  type HttpStream,
  type RecordParser,
  type Watched,
  watch,
} from "@holdfast/effects";
import type * as z from "zod";
import { errorOf } from "./errors.js";
import { parseMesosJson } from "./json.js";
import { createRecordIoParser } from "./recordio.js";
import { eventSchemas } from "./schemas.js";

type EventBodies = { readonly [T in keyof typeof eventSchemas]: z.output<(typeof eventSchemas)[T]> };

/**
 * An event of the master. `unreadable`: of this type, with a body that is not what it should be, or of a type that we do
 * not know; anything may have changed.
 */
export type MesosEvent =
  | { readonly [T in keyof EventBodies]: { readonly type: T; readonly body: EventBodies[T] } }[keyof EventBodies]
  | { readonly type: "unreadable"; readonly name: string };

/**
 * `resync`: read in full; `record`: an event, the first of each connection being SUBSCRIBED with the state of that
 * moment; `down`: not connected, the next attempt follows by itself.
 */
export type MesosEventItem = Watched<MesosEvent>;

export interface MesosEventsOptions {
  /** A stream without a byte for so long is dead. Default 75 000: five of the master's heartbeats. */
  readonly silenceMs?: number;
  /** From the attempt to the head of the answer, over all masters. Default 10 000. */
  readonly connectTimeoutMs?: number;
  readonly backoff?: { readonly firstMs: number; readonly factor: number; readonly maxMs: number };
  readonly signal: AbortSignal;
}

export function followMesosEvents(
  http: HttpClient,
  options: MesosEventsOptions,
): AsyncGenerator<MesosEventItem, void, void> {
  return watch<MesosEvent>({
    open: (signal) => open(http, options.connectTimeoutMs ?? 10_000, signal),
    parser: eventParser,
    silenceMs: options.silenceMs ?? 75_000,
    // SUBSCRIBED comes at once, and nothing is subscribed without it.
    settledAfterMs: null,
    backoff: options.backoff ?? DEFAULT_BACKOFF,
    signal: options.signal,
  });
}

async function open(http: HttpClient, timeoutMs: number, signal: AbortSignal): Promise<HttpStream> {
  const body = JSON.stringify({ type: "SUBSCRIBE" });
  const answer = await http.open({ method: "POST", path: "/api/v1", body, effect: "read", timeoutMs, signal });
  if ("status" in answer) throw errorOf(answer, { type: "SUBSCRIBE", effect: "read" });
  return answer;
}

/** Heartbeats are signs of life and no events: they are left out. */
export function eventParser(): RecordParser<MesosEvent> {
  const records = createRecordIoParser();
  return { push: (chunk) => records.push(chunk).flatMap(readEvent) };
}

export function readEvent(record: string): readonly MesosEvent[] {
  let json: unknown;
  try {
    json = parseMesosJson(record);
  } catch {
    return [{ type: "unreadable", name: "unknown" }];
  }
  const name = typeOf(json);
  if (name === "HEARTBEAT") return [];
  const schema = isKnown(name) ? eventSchemas[name] : undefined;
  const result = schema?.safeParse((json as Record<string, unknown>)[name.toLowerCase()]);
  if (result?.success !== true) return [{ type: "unreadable", name }];
  return [{ type: name, body: result.data } as MesosEvent];
}

function typeOf(json: unknown): string {
  if (typeof json !== "object" || json === null || !("type" in json)) return "unknown";
  return typeof json.type === "string" ? json.type : "unknown";
}

function isKnown(name: string): name is keyof typeof eventSchemas {
  return Object.hasOwn(eventSchemas, name);
}
