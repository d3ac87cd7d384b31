import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Acknowledgements } from "../demo/acknowledgements.js";
import { formatEvent, keyFor, parseEvents, valueFor, type WriteEvent } from "./log.js";

const events: WriteEvent[] = [
  { kind: "sent", epoch: 12n, seq: 3, atMs: 1_000.25 },
  { kind: "acknowledged", epoch: 12n, seq: 3, atMs: 1_001.5 },
];

test("what was written can be read", () => {
  expect(parseEvents(events.map(formatEvent).join(""))).toEqual(events);
});

test("a last line that was cut short counts for nothing", () => {
  const text = events.map(formatEvent).join("");
  expect(parseEvents(text.slice(0, -3))).toEqual([events[0]]);
});

test("a damaged line is an error, not a missing write", () => {
  expect(() => parseEvents("s 12 3 1000.250\nx 12 3 1001.500\n")).toThrow("damaged");
});

test("values belong to their keys", () => {
  const key = keyFor({ epoch: 12n, agent: "agent-1", seq: 3 });
  expect(key).toBe("12:agent-1:3");
  expect(valueFor(key)).toMatch(/^v-[0-9a-f]{8}$/);
  expect(valueFor("12:agent-1:4")).not.toBe(valueFor(key));
});

test("a log is followed as it grows, also when a look falls into the middle of a line", () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-writer-log-"));
  try {
    const file = join(directory, "agent-1.log");
    const acknowledgements = new Acknowledgements(new Map([["agent-1", file]]));
    expect(acknowledgements.newest(0)).toBeUndefined();
    const text = events.map(formatEvent).join("");
    writeFileSync(file, text.slice(0, -3));
    expect(acknowledgements.newest(0)).toBeUndefined();
    writeFileSync(file, text);
    expect(acknowledgements.newest(0)).toEqual({ epoch: 12n, agent: "agent-1", acknowledged: 1, firstMs: 1_001.5 });
    expect(acknowledgements.newest(1_002)).toBeUndefined();
    expect(acknowledgements.logs().get("agent-1")).toEqual(events);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
