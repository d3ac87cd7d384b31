import fc from "fast-check";
import { expect, test } from "vitest";
import { bytes } from "./recorded.fixture.js";
import { createRecordIoParser } from "./recordio.js";

const encode = (records: readonly string[]) =>
  Buffer.concat(records.map((record) => Buffer.from(`${Buffer.byteLength(record)}\n${record}`)));

function parse(data: Uint8Array, cuts: readonly number[] = []): string[] {
  const parser = createRecordIoParser();
  const ends = [...new Set(cuts)].filter((cut) => cut < data.length).sort((a, b) => a - b);
  let from = 0;
  return [...ends, data.length].flatMap((end) => {
    const records = parser.push(data.subarray(from, end));
    from = end;
    return [...records];
  });
}

test("however the bytes are cut, the records are the same", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { maxLength: 5 }),
      fc.array(fc.nat(300)),
      (records, cuts) => {
        expect(parse(encode(records), cuts)).toEqual(records);
      },
    ),
  );
});

test.each(["operator-stream.recordio", "scheduler-stream.recordio"])("the recorded %s is read byte by byte", (name) => {
  const data = bytes(name);
  const whole = parse(data);
  expect(parse(data, [...data.keys()])).toEqual(whole);
  expect(whole.length).toBeGreaterThan(3);
  for (const record of whole) expect(JSON.parse(record)).toHaveProperty("type");
  // Nothing was lost: the records encode to the very bytes.
  expect(encode(whole).equals(data)).toBe(true);
});

test("the length counts bytes, not characters", () => {
  expect(parse(Buffer.from("6\n🐘€".replace("6", "7")))).toEqual(["🐘€"]);
});

test("a chunk whose memory is used again afterwards changes nothing", () => {
  const parser = createRecordIoParser();
  const chunk = Buffer.from("6\nabc");
  parser.push(chunk);
  chunk.fill(0);
  expect(parser.push(Buffer.from("def"))).toEqual(["abcdef"]);
});

test.each(["x\n", "\n", "0\n", "-1\n", " 5\n", "5\r\n", "999999999999999999999\n", "<html>"])(
  "%j is no record's length, and is refused",
  (text) => {
    expect(() => createRecordIoParser().push(Buffer.from(text))).toThrow();
  },
);

test("a record that is too long is refused before it is read", () => {
  expect(() => createRecordIoParser(1_000).push(Buffer.from("1001\n"))).toThrow("1001 bytes");
});
