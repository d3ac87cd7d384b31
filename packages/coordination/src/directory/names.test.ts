import fc from "fast-check";
import { expect, test } from "vitest";
import {
  childOf,
  childrenDirectory,
  createdIdentity,
  incarnationOf,
  numberName,
  parseNumberName,
  queueDirectory,
  recordDirectory,
} from "./names.js";

test("a path never leaves the root, and gives the same segments back", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 4 }), (segments) => {
      const path = segments.join("/");
      let relative: string;
      try {
        relative = childrenDirectory(path);
      } catch (error) {
        expect(error).toMatchObject({ code: "BAD_CONFIGURATION" });
        return;
      }
      for (const segment of relative.split("/")) expect([".", "..", ""]).not.toContain(segment);
      expect(relative).toBe(path);
    }),
  );
});

test("every agent name is a segment once it is encoded", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 60 }), (agent) => {
      const segment = encodeURIComponent(agent);
      fc.pre(segment.length <= 240 && segment !== "." && segment !== ".." && !/\.(rec|queue)$/.test(segment));
      expect(childrenDirectory(`quarantine/${segment}`)).toBe(`quarantine/${segment}`);
    }),
  );
});

test("records, queues and parents of one name do not meet, and are listed under it", () => {
  const entries = [recordDirectory("a/x"), queueDirectory("a/x"), childrenDirectory("a/x")].map((path) =>
    path.slice(2),
  );
  expect(new Set(entries).size).toBe(3);
  expect(entries.map((entry) => childOf(entry).name)).toEqual(["x", "x", "x"]);
  expect(entries.map((entry) => childOf(entry).isRecord)).toEqual([true, false, false]);
});

test("names of versions sort like their numbers, and come back", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      expect(parseNumberName(numberName(a))).toBe(a);
      expect(numberName(a) < numberName(b)).toBe(a < b);
    }),
  );
  for (const name of ["", "1", "x".repeat(20), "9".repeat(20), `${numberName(1)} `, "-0000000000000000001"]) {
    expect(parseNumberName(name)).toBeUndefined();
  }
});

test("the incarnation is read from what this store calls `created`, and from nothing else", () => {
  const incarnation = "0b5e5a1e-6f3c-4a53-9e0a-0c3f6b1d2e4f";
  expect(incarnationOf(createdIdentity(incarnation, 7))).toBe(incarnation);
  for (const foreign of [
    "",
    "created-1",
    "0x1f",
    incarnation,
    `${incarnation}:`,
    `../${incarnation}:0`,
    `${incarnation}:0/..`,
  ]) {
    expect(incarnationOf(foreign)).toBeUndefined();
  }
});
