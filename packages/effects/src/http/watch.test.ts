import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { HttpStream } from "./client.js";
import { type RecordParser, type Watched, type WatchOptions, watch } from "./watch.js";

// Connections are scripts here: what they deliver and when. Real sockets are in the clients' tests.
type Step = string | number | Error;

function connection(steps: readonly Step[]): HttpStream {
  const closed = new AbortController();
  async function* chunks() {
    for (const step of steps) {
      if (closed.signal.aborted) throw new Error("closed");
      if (step instanceof Error) throw step;
      if (typeof step === "string") yield Buffer.from(step);
      else await sleep(step, undefined, { signal: closed.signal });
    }
  }
  return { url: new URL("http://one:1/x"), headers: {}, chunks: chunks(), close: () => closed.abort() };
}

/** Each letter is a record; `.` is a sign of life and none. */
function letters(): RecordParser<string> {
  return { push: (chunk) => [...Buffer.from(chunk).toString()].filter((letter) => letter !== ".") };
}

function follow(connections: readonly (readonly Step[])[], options: Partial<WatchOptions<string>> = {}) {
  const stop = new AbortController();
  let made = 0;
  const watching = watch<string>({
    open: async () => {
      const steps = connections[made];
      made += 1;
      if (steps === undefined) throw new Error("refused");
      return connection(steps);
    },
    parser: letters,
    silenceMs: 600,
    settledAfterMs: 20,
    backoff: { firstMs: 2, factor: 1, maxMs: 2 },
    signal: stop.signal,
    ...options,
  });
  return { watching, stop };
}

async function take(watching: AsyncGenerator<Watched<string>>, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const { value } = await watching.next();
    if (value === undefined) break;
    seen.push(value.kind === "record" ? value.value : value.kind);
  }
  return seen;
}

test("asks for a full read after each connection, before its first record", async () => {
  const { watching, stop } = follow([["ab"], ["c", 10_000]]);
  expect(await take(watching, 6)).toEqual(["resync", "a", "b", "down", "resync", "c"]);
  stop.abort();
});

test("asks for a full read on a quiet connection too, and again when the first record comes late", async () => {
  const { watching, stop } = follow([[50, "a", 10_000]]);
  expect(await take(watching, 3)).toEqual(["resync", "resync", "a"]);
  stop.abort();
});

test("without a time, only a record proves the subscription", async () => {
  const { watching, stop } = follow([[50, ".", 50, "a", 10_000]], { settledAfterMs: null });
  expect(await take(watching, 2)).toEqual(["resync", "a"]);
  stop.abort();
});

test("a silent connection is given up after the limit; signs of life without a record keep it", async () => {
  const lively = Array.from({ length: 25 }, () => [40, "."] as const).flat();
  const { watching, stop } = follow([[...lively, "a", 10_000]], { settledAfterMs: null });
  expect(await take(watching, 2)).toEqual(["resync", "a"]);
  const before = performance.now();
  const { value } = await watching.next();
  expect(value).toMatchObject({ kind: "down", error: { message: "no byte for 600 ms" } });
  expect(performance.now() - before).toBeGreaterThan(500);
  stop.abort();
});

// A process of its own sends while this one stands still.
const SENDER = `require("node:net").createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.write("a");
  setInterval(() => socket.write("."), 50);
  setTimeout(() => socket.write("b"), 1200);
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;

test("bytes that waited in the socket while this process stood still are no silence", async () => {
  const sender = spawn(process.execPath, ["-e", SENDER], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [port] = await once(sender.stdout, "data");
    const open = async (): Promise<HttpStream> => {
      const socket = connect(Number(port), "127.0.0.1");
      return { url: new URL("http://one:1/x"), headers: {}, chunks: socket, close: () => socket.destroy() };
    };
    const { watching, stop } = follow([], { open, settledAfterMs: null, silenceMs: 300 });
    expect(await take(watching, 2)).toEqual(["resync", "a"]);
    const untilMs = performance.now() + 600;
    while (performance.now() < untilMs); // stands still for longer than the limit
    expect(await take(watching, 1)).toEqual(["b"]);
    stop.abort();
  } finally {
    sender.kill("SIGKILL");
  }
});

test("a connection that cannot be made is tried again, and what happened is told each time", async () => {
  const { watching, stop } = follow([]);
  expect(await take(watching, 3)).toEqual(["down", "down", "down"]);
  stop.abort();
});

test("a parser that throws ends the connection and not the watch", async () => {
  const parser = () => ({
    push(chunk: Uint8Array) {
      if (Buffer.from(chunk).toString() === "!") throw new Error("malformed");
      return letters().push(chunk);
    },
  });
  const { watching, stop } = follow(
    [
      ["a", "!"],
      ["b", 10_000],
    ],
    { parser },
  );
  expect(await take(watching, 5)).toEqual(["resync", "a", "down", "resync", "b"]);
  stop.abort();
});

test("a consumer that falls behind gets one full read instead of what it missed", async () => {
  const { watching, stop } = follow([["a", 5, "bcdefgh", 10_000]], { recordsMax: 4 });
  expect(await take(watching, 1)).toEqual(["resync"]);
  await sleep(50);
  const [first, ...rest] = await take(watching, 2);
  expect(first).toBe("resync");
  expect(rest.at(-1)).toMatch(/[c-h]/);
  stop.abort();
});

test("aborting rejects with the signal's reason, also while nothing arrives", async () => {
  const { watching, stop } = follow([[10_000]], { settledAfterMs: null });
  const next = watching.next();
  stop.abort(new Error("shutting down"));
  await expect(next).rejects.toThrow("shutting down");
  expect(await watching.next()).toMatchObject({ done: true });
});

test("a consumer that leaves closes the connection", async () => {
  let closed = false;
  const stream = connection(["a", 10_000]);
  const open = async () => ({
    ...stream,
    close: () => {
      closed = true;
      stream.close();
    },
  });
  // The signal is what ends a wait inside `open` or between bytes; here it must come from the generator itself.
  const { watching } = follow([], {
    open: async (signal) => {
      const made = await open();
      signal.addEventListener("abort", () => made.close(), { once: true });
      return made;
    },
  });
  for await (const item of watching) if (item.kind === "record") break;
  expect(closed).toBe(true);
});
