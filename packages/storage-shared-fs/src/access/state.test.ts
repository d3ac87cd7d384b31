import { expect, test } from "vitest";
import { admitted, attachAgent, detachAgent, emptyState, fenceAgent, unfenceAgent } from "./state.js";

const empty = emptyState({ service: "orders-db", role: "data" });
const former = (agent: string, epoch: bigint) => ({ agent, epoch, bootId: null });
const code = (call: () => unknown) => {
  try {
    call();
    return "no error";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test("a second agent is refused until the first is detached or fenced", () => {
  const one = attachAgent(empty, "a", 1n);
  expect(code(() => attachAgent(one, "b", 2n))).toBe("HELD_BY_OTHER");
  expect(attachAgent(detachAgent(one, "a"), "b", 2n).attached).toEqual([{ agent: "b", epoch: 2n }]);
  expect(attachAgent(fenceAgent(one, former("a", 1n), 2n), "b", 2n).attached).toEqual([{ agent: "b", epoch: 2n }]);
});

test("the same call again changes nothing", () => {
  const one = attachAgent(empty, "a", 1n);
  expect(attachAgent(one, "a", 1n)).toEqual(one);
  const fenced = fenceAgent(one, former("a", 1n), 2n);
  expect(fenceAgent(fenced, former("a", 1n), 2n)).toEqual(fenced);
  expect(unfenceAgent(unfenceAgent(fenced, "a"), "a")).toEqual(unfenceAgent(fenced, "a"));
});

test("an older epoch neither attaches nor fences", () => {
  const fenced = fenceAgent(attachAgent(empty, "a", 6n), former("a", 6n), 7n);
  expect(code(() => attachAgent(fenced, "b", 6n))).toBe("STALE_EPOCH");
  expect(code(() => fenceAgent(fenced, former("b", 5n), 6n))).toBe("STALE_EPOCH");
});

test("a late fence of an agent that has been attached again since is refused", () => {
  expect(code(() => fenceAgent(attachAgent(empty, "a", 9n), former("a", 3n), 9n))).toBe("STALE_EPOCH");
});

test("a fenced agent stays out until it is let in again", () => {
  const fenced = fenceAgent(attachAgent(empty, "a", 1n), former("a", 1n), 2n);
  expect(code(() => attachAgent(fenced, "a", 3n))).toBe("DENIED");
  expect(attachAgent(unfenceAgent(fenced, "a"), "a", 3n).attached).toEqual([{ agent: "a", epoch: 3n }]);
});

test("mounted by us the attached agent alone is let in; by the operator all but the fenced", () => {
  const state = fenceAgent(attachAgent(empty, "a", 1n), former("c", 1n), 1n);
  expect(admitted(state, "holdfast", ["a", "b", "c"])).toEqual(["a"]);
  expect(admitted(state, "operator", ["a", "b", "c"])).toEqual(["a", "b"]);
});
