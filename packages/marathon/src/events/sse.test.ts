import fc from "fast-check";
import { expect, test } from "vitest";
import { createSseParser, type Frame } from "./sse.js";

function parse(bytes: Uint8Array, cuts: readonly number[]): Frame[] {
  const parser = createSseParser();
  const ends = [...new Set(cuts)].sort((a, b) => a - b).concat(bytes.length);
  let from = 0;
  return ends.flatMap((end) => {
    const frames = parser.push(bytes.subarray(from, end));
    from = end;
    return [...frames];
  });
}

const bytewise = (bytes: Uint8Array) => parse(bytes, [...bytes.keys()]);

const EVENTS = [
  { event: "status_update_event", data: '{"message":"größer 🐘","eventType":"status_update_event"}' },
  { event: "message", data: "" },
  { event: "x", data: "two\nlines" },
];

function encode(frames: readonly Frame[], end: string): Buffer {
  const text = frames.map(({ event, data }) => {
    const lines = data.split("\n").map((line) => `data: ${line}${end}`);
    return `event: ${event}${end}${lines.join("")}${end}`;
  });
  return Buffer.from(text.join(""));
}

test.each([
  ["CRLF", "\r\n"],
  ["LF", "\n"],
  ["CR", "\r"],
])("frames with %s are read, whole and byte by byte", (_, end) => {
  expect(parse(encode(EVENTS, end), [])).toEqual(EVENTS);
  expect(bytewise(encode(EVENTS, end))).toEqual(EVENTS);
});

test("however the bytes are cut and the lines end, the frames are the same", () => {
  const line = fc.string({ unit: "binary" }).map((text) => text.replace(/[\r\n\ufeff]/g, "_"));
  const frame = fc.record({
    event: line.map((text) => `e${text}`),
    data: fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n")),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 4 }),
      fc.constantFrom("\r\n", "\n", "\r"),
      fc.array(fc.nat(400)),
      (frames, end, cuts) => {
        const bytes = encode(frames, end);
        expect(
          parse(
            bytes,
            cuts.filter((cut) => cut < bytes.length),
          ),
        ).toEqual(frames);
      },
    ),
  );
});

test("Jetty's bare CRLF between frames is a sign of life and no frame", () => {
  const text = "\r\nevent: a\r\ndata: 1\r\n\r\n\r\n\r\nevent: b\r\ndata: 2\r\n\r\n\r\n";
  expect(bytewise(Buffer.from(text))).toEqual([
    { event: "a", data: "1" },
    { event: "b", data: "2" },
  ]);
});

test("an empty line after a CR that ended a chunk still ends the frame", () => {
  const parser = createSseParser();
  const push = (text: string) => parser.push(Buffer.from(text));
  expect(push("data: 1\r")).toEqual([]);
  expect(push("\n")).toEqual([]);
  expect(push("\n")).toEqual([{ event: "message", data: "1" }]);
});

test("comments and unknown fields are passed over, a frame without data is none", () => {
  const text = ": hello\nid: 7\nretry: 10\nevent: nothing\n\nevent: a\ndata:1\ndata: 2\n\n";
  expect(parse(Buffer.from(text), [])).toEqual([{ event: "a", data: "1\n2" }]);
});

test("a frame that was not ended is not told", () => {
  expect(parse(Buffer.from("event: a\ndata: 1\n"), [])).toEqual([]);
});

test("an endless line is refused instead of filling the memory", () => {
  const parser = createSseParser(100);
  expect(() => {
    for (let n = 0; n < 20; n += 1) parser.push(Buffer.from("data: xxxxxxxxxx"));
  }).toThrow("longer than 100");
  const many = createSseParser(100);
  expect(() => {
    for (let n = 0; n < 20; n += 1) many.push(Buffer.from("data: xxxxxxxxxx\n"));
  }).toThrow("longer than 100");
});
