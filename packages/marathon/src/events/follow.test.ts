import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HttpServiceConfig } from "@holdfast/core";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMarathonClient } from "../client.js";
import { json, recording, type SeenRequest } from "../marathon.fixture.js";
import type { EventItem, EventsOptions } from "./follow.js";

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

const FAST = {
  silenceMs: 800,
  connectTimeoutMs: 500,
  settledAfterMs: 100,
  backoff: { firstMs: 5, factor: 1, maxMs: 5 },
};

function follow(config: HttpServiceConfig, options: Partial<EventsOptions> = {}) {
  return createMarathonClient(config).events({ ...FAST, signal: stop.signal, ...options });
}

async function take(events: AsyncGenerator<EventItem>, count: number): Promise<string[]> {
  const told: string[] = [];
  while (told.length < count) {
    const { value, done } = await events.next();
    if (done === true) break;
    told.push(tell(value));
  }
  return told;
}

function tell(item: EventItem): string {
  if (item.kind === "resync") return "resync";
  if (item.kind === "down") return `down: ${item.error instanceof Error ? item.error.message : item.error}`;
  return item.value.kind === "event" ? item.value.event.eventType : `unreadable ${item.value.eventType}`;
}

const frame = (type: string, end = "\r\n") =>
  `event: ${type}${end}data: ${JSON.stringify({ eventType: type, appId: "/größe", timestamp: "x" })}${end}${end}`;
const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=UTF-8\r\nConnection: close\r\n\r\n";

/** A server whose nth connection gets the nth script; the last one is used for all that follow. */
function scripted(...scripts: ((socket: Socket) => void)[]) {
  let connections = 0;
  return loopback.raw((socket) => {
    const script = scripts[Math.min(connections, scripts.length - 1)];
    connections += 1;
    socket.once("data", () => script?.(socket));
  });
}

const chunk = (text: string) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
};

test.each([
  ["CRLF", "\r\n"],
  ["LF", "\n"],
])("frames with %s that arrive byte by byte are read", async (_, end) => {
  const url = await scripted((socket) => {
    socket.setNoDelay(true);
    const bytes = Buffer.from(HEAD + frame("event_stream_attached", end) + frame("status_update_event", end));
    const send = async () => {
      for (const byte of bytes) {
        if (socket.destroyed) return;
        socket.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    };
    send().catch((error: Error) => socket.destroy(error));
  });
  const told = await take(follow({ endpoints: [url] }), 3);
  expect(told).toEqual(["resync", "event_stream_attached", "status_update_event"]);
});

test("HTTP chunks have nothing to do with frames", async () => {
  const url = await scripted((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    const text = frame("a") + frame("b");
    socket.write(chunk(text.slice(0, 30)));
    socket.write(chunk(text.slice(30)));
  });
  expect(await take(follow({ endpoints: [url] }), 3)).toEqual(["resync", "a", "b"]);
});

test("each new connection asks for a full read before its first event; nothing is replayed", async () => {
  const url = await scripted(
    (socket) => socket.end(HEAD + frame("a")),
    (socket) => socket.write(HEAD + frame("b")),
  );
  const told = await take(follow({ endpoints: [url] }), 5);
  expect(told).toEqual(["resync", "a", expect.stringMatching(/^down: .*ended the stream/), "resync", "b"]);
});

test("a stream without a byte is given up; Jetty's empty lines keep it", async () => {
  let beats = 0;
  const url = await scripted(
    (socket) => {
      socket.write(HEAD + frame("a"));
      const timer = setInterval(() => {
        beats += 1;
        if (beats < 15) socket.write("\r\n");
        else if (beats === 15) socket.write(frame("b"));
        else clearInterval(timer); // and now silence
      }, 100);
      socket.on("close", () => clearInterval(timer));
    },
    (socket) => socket.write(HEAD + frame("c")),
  );
  const told = await take(follow({ endpoints: [url] }), 6);
  expect(told).toEqual(["resync", "a", "b", "down: no byte for 800 ms", "resync", "c"]);
});

test("a server that accepts and never answers is given up within the bound, and told", async () => {
  const url = await scripted((socket) => socket.resume());
  const before = performance.now();
  const told = await take(follow({ endpoints: [url] }), 2);
  expect(told[0]).toMatch(/^down: Marathon gave no answer/);
  expect(performance.now() - before).toBeLessThan(3_000);
});

test("a standby's 302 leads to the leader with the credentials, when the leader is configured", async () => {
  const seen: SeenRequest[] = [];
  const stream = (_seen: SeenRequest, response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(frame("event_stream_attached"));
  };
  const leader = await loopback.http(recording(seen, stream));
  const standby = await loopback.http((request, response) =>
    response.writeHead(302, { location: `${leader}${request.url}` }).end(),
  );
  const credentials = { type: "basic", secret: { file: loopback.file("secret", "ops:secret") } } as const;
  const events = follow({ endpoints: [standby, leader], credentials }, { types: ["deployment_success"] });
  expect(await take(events, 2)).toEqual(["resync", "event_stream_attached"]);
  expect(seen).toMatchObject([
    {
      path: "/v2/events",
      query: { event_type: ["event_stream_attached", "deployment_success"] },
      headers: {
        accept: "text/event-stream",
        authorization: `Basic ${Buffer.from("ops:secret").toString("base64")}`,
      },
    },
  ]);
});

test("a 302 to a host that is not configured gets no credentials and no connection, and is told", async () => {
  const seen: SeenRequest[] = [];
  const stranger = await loopback.http(recording(seen, (_seen, response) => response.end()));
  const standby = await loopback.http((_request, response) => response.writeHead(302, { location: stranger }).end());
  const credentials = { type: "basic", secret: { file: loopback.file("secret", "ops:secret") } } as const;
  const [told] = await take(follow({ endpoints: [standby], credentials }), 1);
  expect(told).toContain(`redirects to ${stranger}, which is not among the configured addresses`);
  expect(seen).toEqual([]);
});

test("wrong credentials are told each time, and corrected ones are used without a restart", async () => {
  const url = await loopback.http((request, response) => {
    const right = `Basic ${Buffer.from("ops:right").toString("base64")}`;
    if (request.headers.authorization !== right)
      return json(response, 401, { message: "Invalid username or password." });
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(frame("a"));
  });
  const file = loopback.file("secret", "ops:wrong");
  const events = follow({ endpoints: [url], credentials: { type: "basic", secret: { file } } });
  expect(await take(events, 1)).toEqual([expect.stringContaining("answered 401: Invalid username or password.")]);
  loopback.file("secret", "ops:right");
  for (;;) {
    const [told] = await take(events, 1);
    if (told === "resync") break;
    expect(told).toContain("401");
  }
  expect(await take(events, 1)).toEqual(["a"]);
});

test("when the leader dies, another instance is followed", async () => {
  const other = await scripted((socket) => socket.write(HEAD + frame("b")));
  const leader = await scripted(
    (socket) => socket.end(HEAD + frame("a")),
    (socket) => socket.destroy(),
  );
  const told = await take(follow({ endpoints: [leader, other] }), 5);
  expect(told).toEqual(["resync", "a", expect.stringContaining("down"), "resync", "b"]);
});

test("a login page with 200 is no event stream", async () => {
  const url = await loopback.http((_request, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>"),
  );
  expect(await take(follow({ endpoints: [url] }), 1)).toEqual([expect.stringContaining("text/html")]);
});

test("an event that cannot be read is told and ends nothing", async () => {
  const url = await scripted((socket) => socket.write(`${HEAD}event: broken\r\ndata: {\r\n\r\n${frame("a")}`));
  expect(await take(follow({ endpoints: [url] }), 3)).toEqual(["resync", "unreadable broken", "a"]);
});

test("a quiet cluster still gets its full read", async () => {
  const url = await scripted((socket) => socket.write(HEAD));
  expect(await take(follow({ endpoints: [url] }), 1)).toEqual(["resync"]);
});

test("a consumer that leaves closes its connection", async () => {
  let closed: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const url = await scripted((socket) => {
    socket.write(HEAD + frame("a"));
    socket.on("close", () => closed?.());
  });
  for await (const item of follow({ endpoints: [url] })) if (item.kind === "record") break;
  await gone;
});

test("aborting ends it with the reason, and closes its connection", async () => {
  let closed = false;
  const url = await scripted((socket) => {
    socket.write(HEAD + frame("a"));
    socket.on("close", () => {
      closed = true;
    });
  });
  const events = follow({ endpoints: [url] }, { silenceMs: 60_000 });
  await take(events, 2);
  const next = events.next();
  stop.abort(new Error("shutting down"));
  await expect(next).rejects.toThrow("shutting down");
  await expect.poll(() => closed).toBe(true);
});
