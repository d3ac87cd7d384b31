import { DEFAULT_LEASE_COSTS, timeBudget } from "@holdfast/core";
import { expect, test } from "vitest";
import { leaseFor } from "./service.js";

test.each([0, 500, 5_000, 30_000])("the lease holds for a cut that takes %i ms", (cutMs) => {
  expect(timeBudget(leaseFor(cutMs), { ...DEFAULT_LEASE_COSTS, cutMs }).problems).toEqual([]);
});
