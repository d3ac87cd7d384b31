import { HoldfastError } from "@holdfast/core";
import { expect, test } from "vitest";
import { runElection } from "./election.js";
import { createRig, LEASE, record, settleWithin, TIMING } from "./lease-rig.fixture.js";

test("leadership is given back only when its work has ended, also when a renewal meets a broken record", async () => {
  const rig = createRig();
  await rig.write(record({ state: { kind: "released" } }));
  const a = rig.context("a");
  let leading = false;
  const ends: string[] = [];
  const put = a.store.put.bind(a.store);
  a.store.put = async (path, data, ...rest) => {
    if (path !== LEASE) return put(path, data, ...rest);
    if (new TextDecoder().decode(data).includes('"released"'))
      ends.push(leading ? "released while leading" : "released");
    else if (leading) throw new HoldfastError("RECORD_INVALID", "It cannot be read.", { hint: "" });
    return put(path, data, ...rest);
  };
  const election = runElection(a, {
    signal: new AbortController().signal,
    leaseMsMax: TIMING.leaseMs,
    lead: async (_epoch, signal) => {
      leading = true;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      await a.clock.sleep(200);
      leading = false;
    },
  });
  await expect(settleWithin(rig.clock, election, 20_000)).rejects.toMatchObject({ code: "RECORD_INVALID" });
  expect(ends).toEqual(["released"]);
});

test("work that fails by itself is told to the caller", async () => {
  const rig = createRig();
  await rig.write(record({ state: { kind: "released" } }));
  const election = runElection(rig.context("a"), {
    signal: new AbortController().signal,
    leaseMsMax: TIMING.leaseMs,
    lead: async () => {
      throw new Error("a defect");
    },
  });
  await expect(settleWithin(rig.clock, election, 20_000)).rejects.toThrow("a defect");
  expect((await rig.read()).state.kind).toBe("released");
});
