import { expect, test } from "vitest";
import { faultProfile } from "./profile.js";

test("the suite's leases fit the product's budget, and a quarter of a lease is ridden out", () => {
  for (const leaseMs of [3_000, 10_000]) {
    const profile = faultProfile(leaseMs, { before: 50, after: 100 });
    expect(profile.shortFaultMs).toBeLessThan(profile.rideOutMs);
    expect(profile.leaseTakeoverMs).toBe(leaseMs * 1.01 + profile.timing.guardMs + 500);
  }
  expect(() => faultProfile(5_000, { before: 50, after: 100 })).toThrow("no fault profile");
});
