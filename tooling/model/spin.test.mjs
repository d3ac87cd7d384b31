// @ts-check
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { boundOf } from "./report.mjs";
import { definesOf, judge, modelFolder, unknownDefines } from "./spin.mjs";

const base = { name: "base", what: "" };
const mutant = {
  name: "M1",
  what: "",
  violates: /** @type {const} */ ("S1"),
  defines: { M1: /** @type {const} */ (true) },
};
const story = { name: "reach", what: "", story: ["STARTED", "TOOK_TIMED"] };

const complete = "State-vector 136 byte, depth reached 69, errors: 0\n   626158 states, stored\n";
const outOfMemory = `pan: reached -DMEMLIM bound\nWarning: Search not completed\n${complete}`;
const failing = (/** @type {string} */ what) =>
  `pan:1: ${what} (at depth 41)\npan: wrote lease.pml.trail\nWarning: Search not completed\nState-vector 136 byte, depth reached 41, errors: 1\n    17550 states, stored\n`;
const twoApplications = failing("assertion violated neverTwoApplicationsAlive");

describe("a verifier's output", () => {
  test("passes a base only when the search was completed without an error", () => {
    expect(judge(base, complete)).toEqual({ passed: true, verdict: "safe, complete", states: 626_158 });
    expect(judge(base, outOfMemory).passed).toBe(false);
    expect(judge(base, twoApplications).passed).toBe(false);
    expect(judge(base, failing("invalid end state")).passed).toBe(false);
    expect(judge(base, "pan: killed\n").passed).toBe(false);
  });

  test("passes a mutant only when it breaks the property that it was made to break", () => {
    expect(judge(mutant, twoApplications)).toEqual({
      passed: true,
      verdict: "rejected: two applications",
      states: 17_550,
    });
    expect(judge(mutant, complete).passed).toBe(false);
    expect(judge(mutant, outOfMemory).passed).toBe(false);
    expect(judge(mutant, failing("assertion violated epochsOfStartsGrow")).passed).toBe(false);
    expect(judge(mutant, failing("invalid end state")).passed).toBe(false);
  });

  test("passes a story only when its end was reached", () => {
    expect(judge(story, failing("assertion violated notReached")).passed).toBe(true);
    expect(judge(story, complete).passed).toBe(false);
    expect(judge(story, twoApplications).passed).toBe(false);
  });
});

describe("the defines of a check", () => {
  test("choose the property of a mutant and the events of a story", () => {
    expect(definesOf(mutant)).toEqual(["-DM1", "-DONLY_S1"]);
    expect(definesOf(story)).toEqual([
      "-DSTORY_FROM=2",
      "-DSTORY_1=0",
      "-DSTORY_2=0",
      "-DSTORY_3=STARTED",
      "-DSTORY_4=TOOK_TIMED",
    ]);
  });

  test("are refused when the model never asks for them", () => {
    expect(unknownDefines([mutant, { ...base, defines: { DELETON: true, MARGIN: 0 } }])).toEqual(["DELETON"]);
  });

  test("show in the bound", () => {
    expect(boundOf({ ...base, defines: { SEATS: 3, MARGIN: 0 } })).toBe(
      "3 seats, 3 epochs, leases 6/4/4, clocks 2–3, margin 0, wait lease × 3/2",
    );
  });
});

describe("mutants.json", () => {
  /** @type {Record<"bases" | "mutants" | "stories", import("./spin.mjs").Check[]>} */
  const groups = JSON.parse(readFileSync(join(modelFolder, "mutants.json"), "utf8"));
  const checks = [...groups.bases, ...groups.mutants, ...groups.stories];

  test("names every check once and defines only what the model knows", () => {
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
    expect(unknownDefines(checks)).toEqual([]);
  });

  test("says for each mutant what it breaks and which rule of the code that is", () => {
    for (const { name, violates, rule } of groups.mutants)
      expect([name, violates, rule]).toEqual([
        name,
        expect.stringMatching(/^(S1|S2|L1)$/),
        expect.stringMatching(/\.$/),
      ]);
  });
});
