import type { FastifyReply, FastifyRequest } from "fastify";
import type { EventHub } from "../events.js";
import { jsonText } from "./server.js";

/** Silence is never longer than this, so that a reader can tell a quiet stream from a dead one. */
const HEARTBEAT_MS = 10_000;

/**
 * Sends events until the reader, or the server, is gone. `event:` is the kind, `data:` one line of JSON; the first one, and
 * the one after a gap, is `resync`: read everything once. A reader that does not read loses events and keeps nothing here.
 */
export function streamEvents(events: EventHub, request: FastifyRequest, reply: FastifyReply, ended: AbortSignal): void {
  const over = new AbortController();
  const signal = AbortSignal.any([ended, over.signal]);
  reply.hijack();
  const { raw } = reply;
  request.raw.socket.setTimeout(0);
  raw.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  raw.once("close", () => over.abort());
  const heartbeat = setInterval(() => raw.write(":\n\n"), HEARTBEAT_MS);
  const send = async () => {
    for await (const event of events.listen(signal)) {
      const more = raw.write(`event: ${event.kind}\ndata: ${jsonText(event)}\n\n`);
      if (!more) await drained(raw, signal);
    }
  };
  send()
    .catch(() => raw.destroy()) // its reader sees the end, and comes again
    .finally(() => {
      clearInterval(heartbeat);
      raw.end();
    });
}

function drained(raw: FastifyReply["raw"], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      raw.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    raw.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
