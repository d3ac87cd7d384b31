import type { ObservedVolume } from "@holdfast/core";
import { expect, test } from "vitest";
import { planNbd } from "./plan.js";

const observed = (part: Partial<ObservedVolume>): ObservedVolume => ({
  exists: true,
  attachments: [],
  fenced: [],
  recorded: null,
  detail: { serving: true },
  ...part,
});
const former = (agent: string, epoch: bigint) => ({ agent, epoch, bootId: null });
const verbs = (plan: ReturnType<typeof planNbd>) =>
  plan.kind === "steps" ? plan.steps.map(({ verb }) => verb) : plan.why;

test("a volume that nobody has is attached", () => {
  expect(verbs(planNbd(observed({}), { agent: "a", epoch: 1n, former: [] }))).toEqual(["attach"]);
});

test("a former holder is fenced first; one on the same agent is not", () => {
  const attachments = [{ agent: "b", epoch: 3n }];
  expect(
    verbs(planNbd(observed({ attachments }), { agent: "a", epoch: 5n, former: [former("b", 3n), former("a", 4n)] })),
  ).toEqual(["fence", "attach"]);
});

test("one that is fenced already is not fenced again", () => {
  const plan = planNbd(observed({ fenced: ["b"] }), { agent: "a", epoch: 5n, former: [former("b", 3n)] });
  expect(verbs(plan)).toEqual(["attach"]);
});

test("what a clean run left attached is detached: the reply was lost", () => {
  const plan = planNbd(observed({ attachments: [{ agent: "b", epoch: 3n }] }), { agent: "a", epoch: 5n, former: [] });
  expect(verbs(plan)).toEqual(["detach", "attach"]);
});

test("an agent that was fenced is let back in when it runs there next", () => {
  expect(verbs(planNbd(observed({ fenced: ["a"] }), { agent: "a", epoch: 5n, former: [] }))).toEqual([
    "unfence",
    "attach",
  ]);
});

test("nothing is to be done where it is attached and served already; a server that is down is started", () => {
  const attachments = [{ agent: "a", epoch: 5n }];
  const target = { agent: "a", epoch: 5n, former: [] };
  expect(verbs(planNbd(observed({ attachments }), target))).toEqual([]);
  expect(verbs(planNbd(observed({ attachments, detail: { serving: false } }), target))).toEqual(["attach"]);
});

test("waits for one that is newer, and for a volume that is not there", () => {
  const attachments = [{ agent: "b", epoch: 6n }];
  expect(planNbd(observed({ attachments }), { agent: "a", epoch: 5n, former: [] }).kind).toBe("wait");
  expect(planNbd(observed({ exists: false }), { agent: "a", epoch: 5n, former: [] }).kind).toBe("wait");
});
