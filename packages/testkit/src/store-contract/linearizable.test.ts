import { expect, test } from "vitest";
import type { RecordedOperation } from "./history.js";
import { linearize } from "./linearizable.js";

const at = (startMs: number, endMs: number) => ({ startMs, endMs });
const v = (number: number, created = "c1") => ({ created, number });
const create = (startMs: number, endMs: number, value: string): RecordedOperation => ({
  op: "create",
  value,
  result: { kind: "done", version: v(0) },
  ...at(startMs, endMs),
});
const put = (startMs: number, endMs: number, from: number, value: string): RecordedOperation => ({
  op: "put",
  value,
  expected: v(from),
  result: { kind: "done", version: v(from + 1) },
  ...at(startMs, endMs),
});
const refused = (
  startMs: number,
  endMs: number,
  from: number,
  kind: "conflict" | "missing" | "unknown" | "unreachable",
): RecordedOperation => ({
  op: "put",
  value: `${kind} ${from}`,
  expected: v(from),
  result: { kind },
  ...at(startMs, endMs),
});
const get = (startMs: number, endMs: number, number: number | null, value = ""): RecordedOperation => ({
  op: "get",
  found: number === null ? null : { version: v(number), value },
  ...at(startMs, endMs),
});

test("accepts what one process after the other did", () => {
  const history = [
    get(0, 1, null),
    create(2, 3, "a"),
    put(4, 5, 0, "b"),
    get(6, 7, 1, "b"),
    refused(8, 9, 0, "conflict"),
  ];
  expect(linearize(history)).toEqual(history);
});

test("accepts overlapping operations in the one order that explains them", () => {
  const history = [create(0, 10, "a"), get(1, 2, 0, "a"), get(1, 2, null), put(3, 9, 0, "b"), get(4, 5, 0, "a")];
  expect(linearize(history)).not.toBeNull();
});

test("rejects a read that is older than an acknowledged write", () => {
  expect(linearize([create(0, 1, "a"), put(2, 3, 0, "b"), get(4, 5, 0, "a")])).toBeNull();
  expect(linearize([create(0, 1, "a"), get(2, 3, null)])).toBeNull();
});

test("rejects two winners of one version", () => {
  expect(linearize([create(0, 1, "a"), put(2, 9, 0, "b"), put(2, 9, 0, "c")])).toBeNull();
  expect(linearize([create(0, 9, "a"), create(0, 9, "b")])).toBeNull();
});

test("rejects two reads that saw two writes in opposite orders", () => {
  const history = [create(0, 1, "a"), put(2, 9, 0, "b"), get(3, 4, 1, "b"), get(5, 6, 0, "a")];
  expect(linearize(history)).toBeNull();
});

test("rejects a refusal without a reason, a lost write and a value nobody wrote", () => {
  expect(linearize([create(0, 1, "a"), refused(2, 3, 0, "conflict")])).toBeNull();
  expect(linearize([create(0, 1, "a"), refused(2, 3, 0, "missing")])).toBeNull();
  expect(linearize([create(0, 1, "a"), put(2, 3, 0, "b"), put(4, 5, 0, "c")])).toBeNull();
  expect(linearize([create(0, 1, "a"), get(2, 3, 0, "z")])).toBeNull();
});

test("a write of unknown outcome may happen late or never, an unreachable one never", () => {
  const unknown = refused(2, 3, 0, "unknown");
  expect(linearize([create(0, 1, "a"), unknown, get(4, 5, 0, "a"), get(6, 7, 1, "unknown 0")])).not.toBeNull();
  expect(linearize([create(0, 1, "a"), unknown, put(4, 5, 0, "b")])).not.toBeNull();
  expect(linearize([create(0, 1, "a"), unknown, get(4, 5, 1, "unknown 0"), get(6, 7, 0, "a")])).toBeNull();
  expect(linearize([create(0, 1, "a"), refused(2, 3, 0, "unreachable"), get(4, 5, 1, "unreachable 0")])).toBeNull();
});

test("a creation of unknown outcome has the version that was read with it", () => {
  const unknown: RecordedOperation = { op: "create", value: "a", result: { kind: "unknown" }, ...at(0, 1) };
  expect(linearize([unknown, get(2, 3, 5, "a"), put(4, 5, 5, "b")])).not.toBeNull();
  expect(linearize([unknown, get(2, 3, 5, "a"), get(4, 5, null)])).toBeNull();
});
