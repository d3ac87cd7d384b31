import { expect, test } from "vitest";
import { FrameReader } from "./frames.js";

function frame(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 + numbers.length * 4);
  bytes.writeInt32BE(numbers.length * 4, 0);
  numbers.forEach((number, index) => void bytes.writeInt32BE(number, 4 + index * 4));
  return bytes;
}

test("finds messages wherever the stream is cut", () => {
  const stream = Buffer.concat([frame(0, 0, 0), frame(7, 5), frame(8, -11, 1, 2)]);
  for (let size = 1; size <= stream.length; size += 1) {
    const reader = new FrameReader("request");
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...reader.push(stream.subarray(at, at + size)));
    expect(found.map(({ index, xid, code }) => [index, xid, code])).toEqual([
      [0, undefined, undefined],
      [1, 7, 5],
      [2, 8, -11],
    ]);
    expect(Buffer.concat(found.map(({ bytes }) => bytes)).equals(stream)).toBe(true);
  }
});

test("a reply's code is its error, behind the zxid", () => {
  const reader = new FrameReader("reply");
  const found = reader.push(Buffer.concat([frame(0), frame(7, 0, 99, -101)]));
  expect(found[1]).toMatchObject({ xid: 7, code: -101 });
});
