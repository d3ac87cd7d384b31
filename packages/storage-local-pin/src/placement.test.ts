import type { AgentView, ObservedVolume, StorageRecord, Volume } from "@holdfast/core";
import { expect, test } from "vitest";
import { choosePin, placeLocal } from "./placement.js";
import { planLocal } from "./plan.js";

const AT = "2026-01-02T03:04:05.000Z";
const volume: Volume = { service: "orders-db", role: "data", mountPath: "/srv/orders-db", diskMiB: 1_000, options: {} };
const elsewhere: Volume = { ...volume, options: { onAgentLoss: "restore-elsewhere" } };
const agent = (id: string, spareMiB: number | null, reachable = true): AgentView => ({ id, spareMiB, reachable });
const three = [agent("a", 2_000), agent("b", 9_000), agent("c", 5_000)];

const recorded: StorageRecord = {
  v: 1,
  service: "orders-db",
  role: "data",
  strategy: "local-pin",
  pin: { agent: "b", at: AT, why: "9000 MiB spare" },
  initialised: { volumeId: "0d2f7c5e-0000-4000-8000-000000000001", epoch: 1n, agent: "b", at: AT },
  restore: null,
  lossReceipts: [],
};
const observed = (record: StorageRecord | null): ObservedVolume => ({
  exists: true,
  attachments: [],
  fenced: [],
  recorded: record,
  detail: {},
});
const place = (of: Volume, record: StorageRecord | null, agents: readonly AgentView[], restores = true) =>
  placeLocal(of, observed(record), agents, restores);

test("chooses the agent with the most spare disk, and says so", () => {
  expect(place(volume, null, three)).toEqual({
    kind: "agents",
    agents: ["b"],
    why: "9000 MiB spare, the most of 3 agents that can take it",
  });
});

test("gives the same choice for the same facts, whatever their order", () => {
  const equal = [agent("z", 5_000), agent("y", 5_000), agent("x", 5_000)];
  for (const agents of [equal, [...equal].reverse()])
    expect(place(volume, null, agents)).toMatchObject({ agents: ["x"] });
});

test("prefers an agent that says how much it has", () => {
  expect(place(volume, null, [agent("a", null), agent("b", 1_000)])).toMatchObject({ agents: ["b"] });
  expect(place(volume, null, [agent("a", null)])).toMatchObject({ agents: ["a"] });
});

test("names why each agent cannot take it", () => {
  const agents = [agent("a", 999), agent("b", 9_000, false), agent("c", 9_000)];
  const placement = place({ ...volume, options: { agents: ["a", "b"] } }, null, agents);
  expect(placement).toEqual({
    kind: "wait",
    why: "no agent can take it: a has 999 MiB spare of 1000 wanted; b cannot be reached; c is not among options.agents",
  });
  expect(place(volume, null, [])).toMatchObject({ kind: "wait", why: "no agent can take it: there is none" });
});

test("stays where the data is, however little is spare there now", () => {
  expect(place(volume, recorded, [agent("a", 99_000), agent("b", 0)])).toMatchObject({ kind: "agents", agents: ["b"] });
});

test("takes the agent that initialised it for the pin when the pin is not on record", () => {
  expect(place(volume, { ...recorded, pin: null }, three)).toMatchObject({ agents: ["b"] });
});

test.each([
  ["cannot be reached", [agent("a", 9_000), agent("b", 9_000, false)]],
  ["is not known any more", [agent("a", 9_000)]],
])("waits for the agent with the data when it %s", (_, agents) => {
  expect(place(volume, recorded, agents)).toMatchObject({ kind: "wait", why: expect.stringContaining("waits for b") });
});

test("restores elsewhere where that was declared", () => {
  const placement = place(elsewhere, recorded, [agent("a", 2_000), agent("b", 9_000, false), agent("c", 5_000)]);
  expect(placement).toMatchObject({ kind: "agents", agents: ["c"], restore: true });
  expect(placement.kind === "agents" && placement.why).toContain("cannot be reached");
});

test("does not restore elsewhere while the agent with the data is there", () => {
  expect(place(elsewhere, recorded, three)).not.toHaveProperty("restore");
});

test("waits without a restore source, and when there is nothing that could be restored", () => {
  const lost = [agent("a", 9_000)];
  expect(place(elsewhere, recorded, lost, false)).toMatchObject({ kind: "wait" });
  expect(place(elsewhere, { ...recorded, initialised: null }, lost)).toMatchObject({ kind: "wait" });
  expect(place(elsewhere, recorded, [])).toMatchObject({ kind: "wait" });
});

test("never chooses the lost agent again", () => {
  expect(choosePin(volume, [agent("b", 9_000)], {}, "b")).toMatchObject({ kind: "wait" });
});

test("plans for the agent with the data alone", () => {
  const target = (id: string) => ({ agent: id, epoch: 2n, former: [{ agent: "b", epoch: 1n, bootId: null }] });
  expect(planLocal(observed(recorded), target("a"))).toMatchObject({
    kind: "wait",
    why: expect.stringContaining("agent b (9000 MiB spare)"),
  });
  expect(planLocal(observed(recorded), target("b"))).toMatchObject({ kind: "steps", steps: [{ verb: "attach" }] });
  expect(planLocal(observed(null), target("a"))).toMatchObject({
    kind: "steps",
    steps: [{ verb: "attach", agent: "a" }],
  });
});
