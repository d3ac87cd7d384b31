import { expect, test } from "vitest";
import { fenceVerdict } from "./fence-verdict.js";
import type { BrickState, VolumeInfo } from "./xml.js";

const volume = (replicas: number, count: number): VolumeInfo => ({
  status: "Started",
  replicas,
  dispersed: 0,
  options: new Map(),
  bricks: Array.from({ length: count }, (_, index) => ({
    name: `s${index}:/b`,
    host: `s${index}`,
    set: Math.floor(index / replicas),
  })),
});
const without = (...indexes: number[]): BrickState[] =>
  indexes.map((index) => ({ name: `s${index}:/b`, online: true, clients: ["10.0.0.5"] }));
const FORMER = ["10.0.0.4"];

test("a majority of each set is enough where copies are kept", () => {
  expect(fenceVerdict(volume(3, 3), without(0, 2), FORMER)).toMatchObject({ kind: "fenced" });
  expect(fenceVerdict(volume(3, 3), without(1), FORMER)).toMatchObject({ kind: "open" });
  expect(fenceVerdict(volume(3, 6), without(0, 1, 2, 3), FORMER)).toMatchObject({ kind: "open" });
  expect(fenceVerdict(volume(3, 6), without(0, 1, 3, 5), FORMER)).toMatchObject({ kind: "fenced" });
  expect(fenceVerdict(volume(2, 2), without(0), FORMER)).toMatchObject({ kind: "open" });
});

test("every brick must answer where no copies are kept", () => {
  expect(fenceVerdict(volume(1, 2), without(0), FORMER)).toMatchObject({ kind: "open" });
  expect(fenceVerdict(volume(1, 2), without(0, 1), FORMER)).toMatchObject({ kind: "fenced" });
});

test("one brick that still serves it is enough to say no", () => {
  const answers = [...without(0, 1), { name: "s2:/b", online: true, clients: ["10.0.0.4"] }];
  expect(fenceVerdict(volume(3, 3), answers, FORMER)).toEqual({
    kind: "open",
    why: "10.0.0.4 is connected to s2:/b",
  });
});

test("the evidence names who is connected, and who gave no answer", () => {
  expect(fenceVerdict(volume(3, 3), without(0, 1), FORMER)).toEqual({
    kind: "fenced",
    evidence: "s0:/b: clients 10.0.0.5\ns1:/b: clients 10.0.0.5\ns2:/b: not asked or no answer",
  });
});
