import type { ObservedVolume } from "@holdfast/core";
import { expect, test } from "vitest";
import { planSharedFs } from "./plan.js";

const observed = (change: Partial<ObservedVolume> = {}): ObservedVolume => ({
  exists: true,
  attachments: [],
  fenced: [],
  recorded: null,
  detail: {},
  ...change,
});
const verbs = (...call: Parameters<typeof planSharedFs>) => {
  const plan = planSharedFs(...call);
  return plan.kind === "wait"
    ? "wait"
    : plan.steps.map((step) => `${step.verb} ${"former" in step ? step.former.agent : step.agent}`);
};
const target = { agent: "b", epoch: 2n, former: [{ agent: "a", epoch: 1n, bootId: null }] };
const attachedToA = observed({ attachments: [{ agent: "a", epoch: 1n }] });

test("a former holder is fenced before the next one is attached", () => {
  expect(verbs(attachedToA, target, true)).toEqual(["fence a", "attach b"]);
  expect(verbs(observed({ fenced: ["a"] }), target, true)).toEqual(["attach b"]);
});

test("one that released is detached; one on the same agent is left alone", () => {
  expect(verbs(attachedToA, { ...target, former: [] }, true)).toEqual(["detach a", "attach b"]);
  expect(verbs(attachedToA, { ...target, agent: "a" }, true)).toEqual(["attach a"]);
});

test("an agent that was fenced is let in before it is attached, and nothing is done twice", () => {
  expect(verbs(observed({ fenced: ["b"] }), { ...target, former: [] }, true)).toEqual(["unfence b", "attach b"]);
  expect(verbs(observed({ attachments: [{ agent: "b", epoch: 2n }] }), { ...target, former: [] }, true)).toEqual([]);
});

test("without a fence the lease alone has kept them apart, and there is only attach", () => {
  expect(verbs(observed(), target, false)).toEqual(["attach b"]);
  expect(verbs(observed({ exists: false }), target, false)).toBe("wait");
});
