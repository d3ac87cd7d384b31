import { HoldfastError, type Volume } from "@holdfast/core";
import { createFakeOp, createFakeStorageStrategy } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { reportStrategy } from "./service.js";

const volume: Volume = { service: "db", role: "data", mountPath: "/srv/db", diskMiB: null, options: {} };

test("reports what the strategy finds, with the grade that its proof leaves of its claim", async () => {
  const found = { code: "SLOW", severity: "warning", message: "It is slow.", fix: "Wait." } as const;
  const strategy = { ...createFakeStorageStrategy(), inspect: async () => [found] };
  expect(await reportStrategy(createFakeOp(), strategy, volume)).toMatchObject({
    strategy: "fake",
    findings: [found],
    grade: { grade: "lease-only", why: expect.stringContaining("was never tried") },
  });
});

test("a server that cannot be asked is a finding", async () => {
  const inspect = async () => {
    throw new HoldfastError("DENIED", "The key was refused.", { hint: "Check identityFile." });
  };
  const report = await reportStrategy(createFakeOp(), { ...createFakeStorageStrategy(), inspect }, volume);
  expect(report.findings).toEqual([
    {
      severity: "error",
      code: "DENIED",
      message: "It cannot be inspected: The key was refused.",
      fix: "Check identityFile.",
    },
  ]);
});

test("a defect of the strategy is not a finding", async () => {
  const inspect = async () => {
    throw new TypeError("undefined is not a function");
  };
  await expect(reportStrategy(createFakeOp(), { ...createFakeStorageStrategy(), inspect }, volume)).rejects.toThrow(
    TypeError,
  );
});
