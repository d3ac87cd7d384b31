import { volumeEpochFormat, volumeMarkFormat } from "@holdfast/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatVolumeEpoch, parseVolumeEpoch, parseVolumeMark } from "./records.js";

const service = fc.stringMatching(/^[a-z0-9]{1,20}$/);
const at = fc
  .date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());

test("reads every mark that core writes, and keeps what it does not know", () => {
  fc.assert(
    fc.property(
      service,
      fc.uuid(),
      fc.constantFrom("data" as const, "root" as const),
      at,
      (name, volumeId, layout, createdAt) => {
        const text = Buffer.from(
          volumeMarkFormat.serialize({ v: 1, service: name, volumeId, layout, createdAt, role: "data", later: 3 }),
        ).toString();
        expect(parseVolumeMark(text)).toEqual({ ok: true, record: volumeMarkFormat.parse(Buffer.from(text)) });
      },
    ),
  );
});

test("what it writes as epoch is what core reads, and the other way round", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 30n }),
      fc.uuid(),
      service,
      fc.integer({ min: 1, max: 600_000 }),
      at,
      (epoch, run, agent, leaseMs, when) => {
        const facts = { epoch, run, agent, leaseMs };
        const text = formatVolumeEpoch(facts, when);
        expect(volumeEpochFormat.parse(Buffer.from(text))).toEqual({ v: 1, ...facts, at: when });
        expect(parseVolumeEpoch(text)).toEqual({ ok: true, record: facts });
      },
    ),
  );
});

test.each([
  ["", "it is not JSON"],
  ["[]", "it is no JSON object"],
  ['{"v":2}', "its version is 2, this program reads 1"],
  ['{"v":1}', "a field is missing"],
])("refuses a mark that reads %j", (text, why) => {
  expect(parseVolumeMark(text)).toEqual({ ok: false, why });
});

test("refuses damaged records", () => {
  const mark = { v: 1, service: "a", volumeId: "b", createdAt: "c", layout: "other" };
  expect(parseVolumeMark(JSON.stringify(mark))).toEqual({ ok: false, why: "its layout is other" });
  for (const epoch of ["-1", "01", "", 7, null, "1e3"]) {
    expect(parseVolumeEpoch(JSON.stringify({ v: 1, epoch, run: "r", agent: "a", leaseMs: 1 })).ok).toBe(false);
  }
  expect(parseVolumeEpoch(JSON.stringify({ v: 1, epoch: "1", run: "r", agent: "a", leaseMs: 0.5 })).ok).toBe(false);
});
