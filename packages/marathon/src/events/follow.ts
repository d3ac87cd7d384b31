import {
  DEFAULT_BACKOFF,
  type HttpClient,
  type HttpStream,
  type RecordParser,
  type Watched,
  watch,
} from "@holdfast/effects";
import { errorOf, unreadable } from "../errors.js";
import { type ReceivedEvent, readEvent } from "./event.js";
import { createSseParser } from "./sse.js";

export interface EventsOptions {
  /** Only these types; all when absent. */
  readonly types?: readonly string[];
  /** A stream without a byte for so long is dead. Default 30 000: Jetty sends an empty line about every 10 s. */
  readonly silenceMs?: number;
  /** From the attempt to the head of the answer, over all instances. Default 10 000. */
  readonly connectTimeoutMs?: number;
  /**
   * When nothing arrives after the head of the answer, the subscription is taken to stand after this time. Default
   * 2 000.
   */
  readonly settledAfterMs?: number;
  readonly backoff?: { readonly firstMs: number; readonly factor: number; readonly maxMs: number };
  readonly signal: AbortSignal;
}

/**
 * What {@link MarathonClient.events} yields. `resync`: read apps, tasks and deployments in full now; it comes after each
 * connection and whenever events were lost. `record`: an event. `down`: not connected, with the error; the next
 * attempt follows by itself.
 */
export type EventItem = Watched<ReceivedEvent>;

const ATTACHED = "event_stream_attached";

export function followEvents(http: HttpClient, options: EventsOptions): AsyncGenerator<EventItem, void, void> {
  // Marathon answers first and subscribes a moment later, and announces that with this event (its handle actor subscribes
  // before it publishes it). A filter must let it pass, or a full read could miss what happens in between.
  const types = options.types === undefined ? [] : [...new Set([ATTACHED, ...options.types])];
  const query = types.map((type) => ["event_type", type] as const);
  return watch<ReceivedEvent>({
    open: (signal) => open(http, query, options.connectTimeoutMs ?? 10_000, signal),
    parser: eventParser,
    silenceMs: options.silenceMs ?? 30_000,
    settledAfterMs: options.settledAfterMs ?? 2_000,
    backoff: options.backoff ?? DEFAULT_BACKOFF,
    signal: options.signal,
  });
}

function eventParser(): RecordParser<ReceivedEvent> {
  const frames = createSseParser();
  return { push: (chunk) => frames.push(chunk).map(readEvent) };
}

async function open(
  http: HttpClient,
  query: ReadonlyArray<readonly [string, string]>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HttpStream> {
  const asked = { what: "Following events", effect: "read" } as const;
  const headers = { accept: "text/event-stream" };
  const answer = await http.open({ ...asked, method: "GET", path: "/v2/events", query, headers, timeoutMs, signal });
  if ("status" in answer) throw errorOf(answer, asked);
  const type = answer.headers["content-type"] ?? "nothing";
  if (type.startsWith("text/event-stream")) return answer;
  answer.close();
  throw unreadable({ status: 200, url: answer.url }, asked, `it is ${type} and not an event stream`);
}
