import fc from "fast-check";
import { expect, test } from "vitest";
import { createdIdentity } from "./names.js";
import { decodeNonce, decodeVersion, encodeVersion, HEADER_BYTES_MAX, type Version } from "./version-file.js";

const INCARNATION = "0b5e5a1e-6f3c-4a53-9e0a-0c3f6b1d2e4f";
const owner = { pid: 7, startTicks: "99", pidNamespace: "pid:[4026531836]", bootId: "b" };

const version = (data: Uint8Array, number: number): Version => ({
  kind: "record",
  number,
  created: createdIdentity(INCARNATION, 0),
  nonce: "9f0b7a52-1e46-4d4c-8c1e-8f4b0c6d7e11",
  previous: number === 0 ? null : "1c1d9f7e-60c1-4c56-8a54-2a1f6b7c8d90",
  owner: number % 2 === 0 ? owner : null,
  data,
});

test("gives back what was encoded, whatever the payload", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(1_000), (data, number) => {
      const encoded = encodeVersion(version(data, number));
      const decoded = decodeVersion(encoded, INCARNATION, number, "file");
      expect({ ...decoded, data: [...decoded.data] }).toEqual({ ...version(data, number), data: [...data] });
      expect(decodeNonce(encoded.subarray(0, HEADER_BYTES_MAX))).toBe(decoded.nonce);
    }),
  );
});

test("finds every change of a single byte of the payload, and every truncation", () => {
  const encoded = encodeVersion(version(new TextEncoder().encode('{"epoch":"41"}'), 3));
  const invalid = expect.objectContaining({ code: "RECORD_INVALID" });
  for (let length = 0; length < encoded.length; length += 1) {
    expect(() => decodeVersion(encoded.subarray(0, length), INCARNATION, 3, "file")).toThrow(invalid);
  }
  for (let index = encoded.indexOf(0x0a) + 1; index < encoded.length; index += 1) {
    const damaged = Uint8Array.from(encoded);
    damaged[index] = (damaged[index] ?? 0) ^ 1;
    expect(() => decodeVersion(damaged, INCARNATION, 3, "file")).toThrow(invalid);
  }
});

test("belongs to its number and its incarnation", () => {
  const encoded = encodeVersion(version(new Uint8Array(), 3));
  const other = "00000000-0000-4000-8000-000000000000";
  expect(() => decodeVersion(encoded, INCARNATION, 4, "file")).toThrow("version 3");
  expect(() => decodeVersion(encoded, other, 3, "file")).toThrow("another creation");
});

test("the first version has nothing before it, and every other has", () => {
  for (const [number, previous] of [
    [0, "x"],
    [3, null],
  ] as const) {
    const encoded = encodeVersion({ ...version(new Uint8Array(), number), previous });
    expect(() => decodeVersion(encoded, INCARNATION, number, "file")).toThrow("followed");
  }
});
