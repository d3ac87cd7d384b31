import { describe, expect, test } from "vitest";
import { type FenceReceipt, type RequestRecord, requestRecordFormat } from "../records/request.js";
import { decideQuarantine, mayWriteClean } from "./quarantine-decision.js";
import { addReceipt, beginStep, decideRequest, endStep, NO_REQUEST_RUN } from "./request-decision.js";
import { completeSteps, isSettled } from "./steps-decision.js";

const AT = "2026-01-02T03:04:05.000Z";
const record = (overrides: Partial<RequestRecord> = {}): RequestRecord => ({
  ...{ v: 1, service: "s", epoch: 5n, run: "run-of-five", agent: "a", state: "serving", former: [] },
  ...{ steps: [], contexts: {}, receipts: [], ...overrides },
});
const receipt = (overrides: Partial<FenceReceipt> = {}): FenceReceipt => ({
  ...{ fencedEpoch: 4n, agent: "z", byEpoch: 5n, strategy: "nbd", at: AT, evidence: "gone", role: "data" },
  ...overrides,
});
const wanted = (overrides = {}) => ({
  ...{ service: "s", epoch: 5n, run: "run-of-five", agent: "a", former: [], state: "serving" as const },
  ...overrides,
});

describe("the request record", () => {
  test("is refused to an older epoch, and to another run of the same one", () => {
    expect(decideRequest(record({ epoch: 6n }), wanted()).kind).toBe("stale");
    expect(decideRequest(record({ run: "run-of-other" }), wanted()).kind).toBe("stale");
  });

  test("begins anew for a newer epoch and keeps the receipts", () => {
    const before = record({ epoch: 4n, run: "run-of-four", receipts: [receipt()], contexts: { data: { x: 1 } } });
    expect(decideRequest(before, wanted())).toMatchObject({
      kind: "write",
      record: { epoch: 5n, run: "run-of-five", contexts: {}, steps: [], receipts: [receipt()] },
    });
  });

  test("that only holds an operator's receipt is nobody's", () => {
    const before = record({ epoch: 0n, run: NO_REQUEST_RUN, state: "asked", receipts: [receipt()] });
    expect(decideRequest(before, wanted())).toMatchObject({ kind: "write", record: { receipts: [receipt()] } });
  });

  test("of the same run is kept while somebody serves it, and asked again after a failure", () => {
    for (const state of ["asked", "serving", "ready"] as const) {
      expect(decideRequest(record({ state }), wanted({ state: "asked" })).kind).toBe("keep");
    }
    const failure = { code: "BUSY", message: "m", hint: "h" };
    const again = decideRequest(record({ state: "failed", failure }), wanted({ state: "asked" }));
    expect(again).toMatchObject({ kind: "write", record: { state: "asked" } });
    expect(again.kind === "write" && "failure" in again.record).toBe(false);
  });

  test("takes over a former holder that it did not know", () => {
    const former = [{ agent: "z", epoch: 3n, bootId: null }];
    expect(decideRequest(record(), wanted({ former }))).toMatchObject({ kind: "write", record: { former } });
  });

  test("keeps every receipt of the present epoch", () => {
    let grown = record();
    for (let i = 0; i < 20; i++)
      grown = addReceipt(grown, receipt({ agent: `agent-${i}`, evidence: "e".repeat(4_000) }));
    expect(grown.receipts).toHaveLength(20);
    expect(() => requestRecordFormat.serialize(grown)).not.toThrow();
  });

  test("stays within what a record may hold, whatever is added to it", () => {
    let grown = record({ contexts: { data: { text: "x".repeat(8_000) } } });
    for (let i = 0; i < 100; i++) {
      const step = { verb: "fence" as const, role: "data", agent: `agent-${i}`, by: "b".repeat(60), at: AT };
      grown = beginStep(grown, { ...step, state: "started" });
      grown = endStep(grown, { ...step, state: "failed", tookMs: 1, code: "BUSY", message: "m".repeat(200) });
      const byEpoch = 5n + BigInt(i);
      grown = addReceipt(grown, receipt({ agent: `agent-${i}`, byEpoch, evidence: "e".repeat(4_000) }));
    }
    expect(() => requestRecordFormat.serialize(grown)).not.toThrow();
    expect(grown.receipts.at(-1)?.agent).toBe("agent-99");
  });
});

describe("the journal", () => {
  const step = { verb: "attach" as const, role: "data", agent: "a", by: "me", at: AT };

  test("has one entry per step, begun and ended", () => {
    const begun = beginStep(record(), { ...step, state: "started" });
    expect(endStep(begun, { ...step, state: "done", tookMs: 5 }).steps).toEqual([
      { ...step, state: "done", tookMs: 5 },
    ]);
  });

  test("keeps what another left begun, and begins its own anew", () => {
    const others = beginStep(record(), { ...step, by: "other", state: "started" });
    const mine = beginStep(beginStep(others, { ...step, state: "started" }), { ...step, state: "started" });
    expect(mine.steps.map(({ by }) => by)).toEqual(["other", "me"]);
  });

  test("the newest receipt of an agent and volume stands, an older one never replaces it", () => {
    const newer = addReceipt(addReceipt(record(), receipt()), receipt({ fencedEpoch: 6n }));
    expect(newer.receipts.map(({ fencedEpoch }) => fencedEpoch)).toEqual([6n]);
    expect(addReceipt(newer, receipt({ role: "log" })).receipts).toHaveLength(2);
    expect(addReceipt(newer, receipt()).receipts.some(({ fencedEpoch }) => fencedEpoch === 6n)).toBe(true);
  });
});

describe("steps", () => {
  const z = { agent: "z", epoch: 3n, bootId: null };
  const attach = { verb: "attach" as const, agent: "a", why: "next" };
  const verbs = (steps: readonly { readonly verb: string }[]) => steps.map(({ verb }) => verb);

  test("a fence that the strategy left out is added, and comes first", () => {
    const steps = completeSteps([attach], { former: [z], fences: true, agent: "a" });
    expect(verbs(steps)).toEqual(["fence", "attach"]);
  });

  test("nothing is added where the storage cannot fence, or the strategy planned it", () => {
    expect(verbs(completeSteps([attach], { former: [z], fences: false, agent: "a" }))).toEqual(["attach"]);
    const fence = { verb: "fence" as const, former: z, why: "own words" };
    expect(completeSteps([attach, fence], { former: [z], fences: true, agent: "a" })).toEqual([fence, attach]);
  });

  test("the run's own agent is never fenced, whatever the strategy says", () => {
    const own = { ...z, agent: "a" };
    const fence = { verb: "fence" as const, former: own, why: "wrong" };
    expect(verbs(completeSteps([fence, attach], { former: [own], fences: true, agent: "a" }))).toEqual(["attach"]);
  });

  test("it is settled when nothing is left but an attach that was done", () => {
    expect(isSettled([], "a", false)).toBe(true);
    expect(isSettled([attach], "a", true)).toBe(true);
    expect(isSettled([attach], "a", false)).toBe(false);
    expect(isSettled([{ ...attach, agent: "b" }], "a", true)).toBe(false);
  });
});

describe("quarantine", () => {
  const quarantine = {
    ...{ v: 1 as const, service: "s", agent: "z", bootId: "boot-1", epoch: 4n, reason: "did not release", since: AT },
  };
  const decide = (facts: Partial<Parameters<typeof decideQuarantine>[1]>, of = quarantine) =>
    decideQuarantine(of, { bootId: "boot-1", attached: null, cleaned: null, ...facts }).kind;

  test("blocks until somebody saw that it is clean", () => {
    expect(decideQuarantine(undefined, { bootId: "x", attached: null, cleaned: null }).kind).toBe("free");
    expect(decide({})).toBe("blocked");
    expect(decide({ cleaned: "no process of it" })).toBe("clear");
  });

  test("another boot is enough only with the device detached", () => {
    expect(decide({ bootId: "boot-2", attached: false })).toBe("clear");
    expect(decide({ bootId: "boot-2", attached: true })).toBe("blocked");
    expect(decide({ bootId: "boot-2", attached: null })).toBe("blocked");
    expect(decide({ bootId: "boot-2", attached: false }, { ...quarantine, bootId: "" })).toBe("blocked");
  });

  test("a run lifts its own and older ones, never a later run's", () => {
    expect(mayWriteClean(quarantine, { epoch: 4n })).toBe(true);
    expect(mayWriteClean(quarantine, { epoch: 3n })).toBe(false);
  });
});
