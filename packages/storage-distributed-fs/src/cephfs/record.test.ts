import { expect, test } from "vitest";
import { parseRecords } from "./record.js";

const volume = { service: "orders-db", role: "data" };

test("what is attached, who is fenced, and the epoch that refuses older ones", () => {
  const records = parseRecords(volume, {
    "holdfast/volume/orders-db.data/agent/agent-1/7": "detached",
    "holdfast/volume/orders-db.data/agent/a%2Fb/9": "attached",
    "holdfast/volume/orders-db.data/fence/agent-1": JSON.stringify({ epoch: "12", addresses: ["10.0.0.1"] }),
    "holdfast/volume/orders-db.data/fence/agent-3": JSON.stringify({ epoch: "3", addresses: [] }),
    "holdfast/volume/orders-db.data2/agent/agent-9/99": "attached",
  });
  expect(records.attached).toEqual([{ agent: "a/b", epoch: 9n }]);
  expect([...records.fenced]).toEqual([["agent-1", { epoch: 12n, addresses: ["10.0.0.1"] }]]);
  expect(records.epoch).toBe(12n);
  expect(parseRecords(volume, {})).toEqual({ attached: [], fenced: new Map(), epoch: undefined });
});
