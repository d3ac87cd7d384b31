import type { Socket } from "node:net";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMesosClient } from "./client.js";
import { eventParser, type MesosEvent, type MesosEventItem, type MesosEventsOptions, readEvent } from "./events.js";
import { bytes, json, names } from "./recorded.fixture.js";

let loopback: Loopback;
let stop: AbortController;
beforeEach(() => {
  loopback = createLoopback();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await loopback.close();
});

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
const STREAM = bytes("operator-stream.recordio");
const record = (event: object) => `${Buffer.byteLength(JSON.stringify(event))}\n${JSON.stringify(event)}`;
const SUBSCRIBED = record({ type: "SUBSCRIBED", subscribed: { heartbeat_interval_seconds: 15 } });
const HEARTBEAT = record({ type: "HEARTBEAT" });
const REMOVED = record({ type: "AGENT_REMOVED", agent_removed: { agent_id: { value: "S0" } } });

function follow(endpoints: string[], options: Partial<MesosEventsOptions> = {}) {
  const fast = {
    silenceMs: 800,
    connectTimeoutMs: 500,
    backoff: { firstMs: 5, factor: 1, maxMs: 5 },
    signal: stop.signal,
  };
  return createMesosClient({ endpoints }).events({ ...fast, ...options });
}

async function take(events: AsyncGenerator<MesosEventItem>, count: number): Promise<string[]> {
  const told: string[] = [];
  while (told.length < count) {
    const { value, done } = await events.next();
    if (done === true) break;
    if (value.kind === "down") told.push(`down: ${value.error instanceof Error ? value.error.message : value.error}`);
    else told.push(value.kind === "record" ? value.value.type : value.kind);
  }
  return told;
}

function scripted(...scripts: ((socket: Socket) => void)[]) {
  let connections = 0;
  return loopback.raw((socket) => {
    const script = scripts[Math.min(connections, scripts.length - 1)];
    connections += 1;
    socket.once("data", () => script?.(socket));
  });
}

const parse = (data: Uint8Array): MesosEvent[] => [...eventParser().push(data)];

test("the recorded stream of a real master is read, without its heartbeats", () => {
  const events = parse(STREAM);
  expect(events[0]).toMatchObject({ type: "SUBSCRIBED", body: { heartbeat_interval_seconds: 15 } });
  expect(events.map(({ type }) => type)).not.toContain("unreadable");
  expect(events.map(({ type }) => type)).not.toContain("HEARTBEAT");
});

test("each recorded event is read", () => {
  const single = names(/^operator-stream-.*\.event\.json$/).map((name) => json(name));
  const many = names(/^operator-stream-.*\.events\.json$/).flatMap((name) => json(name) as unknown[]);
  const all = [...single, ...many] as { type: string }[];
  expect(all.length).toBeGreaterThan(15);
  for (const event of all) {
    const types = readEvent(JSON.stringify(event)).map(({ type }) => type);
    expect(types).toEqual(event.type === "HEARTBEAT" ? [] : [event.type]);
  }
});

test("an event of an unknown type or shape is told and ends nothing", () => {
  expect(readEvent('{"type":"NEW_THING","new_thing":{}}')).toEqual([{ type: "unreadable", name: "NEW_THING" }]);
  expect(readEvent('{"type":"AGENT_REMOVED"}')).toEqual([{ type: "unreadable", name: "AGENT_REMOVED" }]);
  expect(readEvent('{"type":"toString"}')).toEqual([{ type: "unreadable", name: "toString" }]);
  expect(readEvent("{")).toEqual([{ type: "unreadable", name: "unknown" }]);
  expect(readEvent("[]")).toEqual([{ type: "unreadable", name: "unknown" }]);
});

test("the recorded stream arrives over a socket byte by byte, a full read before its first event", async () => {
  const url = await scripted((socket) => {
    socket.setNoDelay(true);
    const data = Buffer.concat([Buffer.from(HEAD), STREAM]);
    const send = async () => {
      for (const byte of data) {
        if (socket.destroyed) return;
        socket.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    };
    send().catch((error: Error) => socket.destroy(error));
  });
  const expected = parse(STREAM).map(({ type }) => type);
  expect(await take(follow([url], { silenceMs: 5_000 }), expected.length + 1)).toEqual(["resync", ...expected]);
});

test("heartbeats keep a quiet stream; without them it is given up", async () => {
  const url = await scripted(
    (socket) => {
      socket.write(HEAD + SUBSCRIBED);
      let beats = 0;
      const timer = setInterval(() => {
        beats += 1;
        if (beats < 15) socket.write(HEARTBEAT);
        else if (beats === 15) socket.write(REMOVED);
      }, 100);
      socket.on("close", () => clearInterval(timer));
    },
    (socket) => socket.write(HEAD + SUBSCRIBED),
  );
  const told = await take(follow([url]), 6);
  expect(told).toEqual(["resync", "SUBSCRIBED", "AGENT_REMOVED", "down: no byte for 800 ms", "resync", "SUBSCRIBED"]);
});

test("bytes that are no RecordIO end the connection and not the watch", async () => {
  const url = await scripted(
    (socket) => {
      socket.write(HEAD + SUBSCRIBED);
      setTimeout(() => socket.write("<html>"), 50);
    },
    (socket) => socket.write(HEAD + SUBSCRIBED),
  );
  const told = await take(follow([url]), 5);
  expect(told).toEqual(["resync", "SUBSCRIBED", expect.stringContaining("down: not RecordIO"), "resync", "SUBSCRIBED"]);
});

test("a master that loses its lead in the middle of a record: the next one is followed", async () => {
  const other = await scripted((socket) => socket.write(HEAD + SUBSCRIBED));
  const first = await scripted(
    (socket) => socket.end(HEAD + SUBSCRIBED + REMOVED.slice(0, -10)),
    (socket) => socket.destroy(),
  );
  const told = await take(follow([first, other]), 5);
  expect(told).toEqual(["resync", "SUBSCRIBED", expect.stringContaining("down"), "resync", "SUBSCRIBED"]);
});

test("refused credentials are told with the master's words", async () => {
  const url = await loopback.http((_request, response) => response.writeHead(401).end("401 Unauthorized."));
  expect(await take(follow([url]), 1)).toEqual([expect.stringContaining("answered 401: 401 Unauthorized.")]);
});
