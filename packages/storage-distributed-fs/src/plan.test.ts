import type { ObservedVolume, StorageTarget } from "@holdfast/core";
import { expect, test } from "vitest";
import { planAttach } from "./plan.js";

const seen: ObservedVolume = { exists: true, attachments: [], fenced: [], recorded: null, detail: {} };
const target: StorageTarget = { agent: "b", epoch: 2n, former: [] };
const former = [{ agent: "a", epoch: 1n, bootId: null }];
const verbs = (plan: ReturnType<typeof planAttach>) =>
  plan.kind === "steps"
    ? plan.steps.map((step) => `${step.verb} ${"agent" in step ? step.agent : step.former.agent}`)
    : plan;

test("attaches where it runs next", () => {
  expect(verbs(planAttach({ fences: true }, seen, target))).toEqual(["attach b"]);
});

test("waits for a volume that is not there", () => {
  expect(planAttach({ fences: true }, { ...seen, exists: false }, target)).toMatchObject({ kind: "wait" });
});

test("fences a former holder elsewhere, and does not detach it too", () => {
  const attached = { ...seen, attachments: [{ agent: "a", epoch: 1n }] };
  expect(verbs(planAttach({ fences: true }, attached, { ...target, former }))).toEqual(["fence a", "attach b"]);
});

test("never fences the agent it runs on next", () => {
  expect(verbs(planAttach({ fences: true }, seen, { agent: "a", epoch: 2n, former }))).toEqual(["attach a"]);
});

test("goes on where nothing can be fenced: the lease kept them apart", () => {
  const attached = { ...seen, attachments: [{ agent: "a", epoch: 1n }] };
  expect(verbs(planAttach({ fences: false }, attached, { ...target, former }))).toEqual(["detach a", "attach b"]);
});

test("takes off what a clean stop left, and lets its own agent back in", () => {
  const observed = { ...seen, attachments: [{ agent: "a", epoch: 1n }], fenced: ["b", "c"] };
  expect(verbs(planAttach({ fences: true }, observed, target))).toEqual(["detach a", "unfence b", "attach b"]);
});

test("comes to an end: what was attached and fenced is not done again, what was only begun is", () => {
  const done = { ...seen, attachments: [{ agent: "b", epoch: 2n }], fenced: ["a"] };
  expect(verbs(planAttach({ fences: true }, done, { ...target, former }))).toEqual([]);
  const begun = { ...done, detail: { unconfirmed: ["a"] } };
  expect(verbs(planAttach({ fences: true }, begun, { ...target, former }))).toEqual(["fence a", "attach b"]);
  expect(verbs(planAttach({ fences: true }, done, { ...target, epoch: 3n }))).toEqual(["attach b"]);
});
