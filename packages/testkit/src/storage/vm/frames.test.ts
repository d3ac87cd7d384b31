import { expect, test } from "vitest";
import { createFrameReader, encodeFrame } from "./frames.js";

test("frames come out whole, however their bytes arrive", () => {
  const sent = [encodeFrame("request", "{}"), encodeFrame("stdin-end"), encodeFrame("stdout", Buffer.alloc(70_000, 7))];
  const bytes = Buffer.concat(sent);
  for (const size of [1, 3, 4_096, bytes.byteLength]) {
    const read = createFrameReader();
    const frames = [];
    for (let at = 0; at < bytes.byteLength; at += size) frames.push(...read(bytes.subarray(at, at + size)));
    expect(frames.map(({ kind, payload }) => [kind, payload.byteLength])).toEqual([
      ["request", 2],
      ["stdin-end", 0],
      ["stdout", 70_000],
    ]);
  }
});

test("bytes that are no frame are an error, not a wait for ever", () => {
  expect(() => createFrameReader()(Buffer.from("HTTP/1.1 200 OK"))).toThrow("no frame");
});
