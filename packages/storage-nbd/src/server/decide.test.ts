import { describe, expect, test } from "vitest";
import { decide, exportName, type ServerRequest } from "./decide.js";
import { NEW_STATE, type VolumeState } from "./state.js";

const AT = "2026-01-01T00:00:00.000Z";
const run = (state: VolumeState, ...requests: ServerRequest[]) =>
  requests.reduce((before, request) => decide("v", before, request, AT).state, state);
const attach = (agent: string, epoch: bigint, address = `${agent}.example`) =>
  ({ verb: "attach", agent, address, epoch }) as const;
const fence = (agent: string, epoch: bigint, byEpoch: bigint) => ({ verb: "fence", agent, epoch, byEpoch }) as const;

describe("attach", () => {
  test("exports one name, which carries the epoch", () => {
    const { attached, epoch } = run(NEW_STATE, attach("a", 3n));
    expect(attached).toEqual({ agent: "a", address: "a.example", epoch: "3", export: "v.e3" });
    expect(epoch).toBe("3");
    expect(exportName("v", 4n)).not.toBe(attached?.export);
  });

  test("again gives the same state", () => {
    const once = run(NEW_STATE, attach("a", 3n));
    expect(run(once, attach("a", 3n))).toEqual(once);
  });

  test("of the same agent under a newer epoch replaces the export", () => {
    expect(run(NEW_STATE, attach("a", 3n), attach("a", 4n)).attached?.export).toBe("v.e4");
  });

  test("of another agent is refused, also under a newer epoch", () => {
    const held = run(NEW_STATE, attach("a", 3n));
    expect(() => run(held, attach("b", 4n))).toThrow(
      expect.objectContaining({ code: "HELD_BY_OTHER", retryable: true, detail: { agent: "a", epoch: "3" } }),
    );
  });

  test("of an older epoch is refused, also when nothing is attached", () => {
    const idle = run(NEW_STATE, attach("a", 3n), { verb: "detach", agent: "a" });
    expect(() => run(idle, attach("a", 2n))).toThrow(expect.objectContaining({ code: "STALE_EPOCH" }));
  });
});

describe("detach", () => {
  test("waits for nobody to be connected, and keeps the epoch", () => {
    const held = run(NEW_STATE, attach("a", 3n));
    const decision = decide("v", held, { verb: "detach", agent: "a" }, AT);
    expect(decision).toMatchObject({ onlyIdle: true, state: { attached: null, epoch: "3" } });
  });

  test("of an agent that does not have it changes nothing", () => {
    const held = run(NEW_STATE, attach("a", 3n));
    expect(run(held, { verb: "detach", agent: "b" })).toEqual(held);
  });
});

describe("fence", () => {
  test("ends the former's attachment and keeps its agent out until it is unfenced", () => {
    const fenced = run(NEW_STATE, attach("a", 3n), fence("a", 3n, 4n));
    expect(fenced).toMatchObject({ attached: null, epoch: "4", fenced: [{ agent: "a", epoch: "3", byEpoch: "4" }] });
    expect(() => run(fenced, attach("a", 5n))).toThrow(expect.objectContaining({ code: "DENIED" }));
    expect(run(fenced, { verb: "unfence", agent: "a" }, attach("a", 5n)).attached?.epoch).toBe("5");
  });

  test("again, and after the new holder has attached, changes no attachment", () => {
    const taken = run(NEW_STATE, attach("a", 3n), fence("a", 3n, 4n), attach("b", 4n));
    expect(run(taken, fence("a", 3n, 4n))).toEqual(taken);
  });

  test("ends whatever the former's agent has under an older grant than the fencing one", () => {
    expect(run(NEW_STATE, attach("a", 5n), fence("a", 3n, 6n)).attached).toBeNull();
  });

  test("leaves alone what the agent was given by the fencing grant itself", () => {
    expect(run(NEW_STATE, attach("a", 6n), fence("a", 3n, 6n)).attached?.epoch).toBe("6");
  });

  test("of an older grant is refused", () => {
    const held = run(NEW_STATE, attach("b", 5n));
    expect(() => run(held, fence("a", 3n, 4n))).toThrow(expect.objectContaining({ code: "STALE_EPOCH" }));
    expect(() => run(NEW_STATE, fence("a", 4n, 4n))).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
  });
});
