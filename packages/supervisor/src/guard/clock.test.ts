import fc from "fast-check";
import { expect, test } from "vitest";
import { bootCorrectionMs, bootDeadlineNs } from "./clock.js";

const ms = fc.double({ min: 0, max: 1e10, noNaN: true });

test("a machine whose /proc/uptime is the kernel's needs no correction", () => {
  fc.assert(
    fc.property(ms, ms, fc.double({ min: 0, max: 10, noNaN: true }), (monoMs, suspendedMs, truncatedMs) => {
      const hello = {
        monoNs: BigInt(Math.round(monoMs * 1e6)),
        bootNs: BigInt(Math.round((monoMs + suspendedMs) * 1e6)),
      };
      const now = { monoMs: monoMs + 3, bootMs: monoMs + 3 + suspendedMs - truncatedMs };
      expect(bootCorrectionMs(hello, now)).toBe(0);
    }),
  );
});

test("a faked uptime is corrected, at most 10 ms and never beyond the truth", () => {
  const fake = fc.double({ min: 20, max: 1e9, noNaN: true }).chain((size) => fc.constantFrom(size, -size));
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fake,
      fc.double({ min: 0, max: 9.9, noNaN: true }),
      (monoMs, fakeMs, truncatedMs) => {
        const hello = { monoNs: BigInt(Math.round(monoMs * 1e6)), bootNs: BigInt(Math.round(monoMs * 1e6)) };
        const now = { monoMs, bootMs: monoMs + fakeMs - truncatedMs };
        const corrected = now.bootMs + bootCorrectionMs(hello, now);
        expect(corrected).toBeLessThanOrEqual(monoMs + 0.01);
        expect(corrected).toBeGreaterThanOrEqual(monoMs - 10.01);
      },
    ),
  );
});

test("the init's deadline is never later than either clock's", () => {
  fc.assert(
    fc.property(ms, ms, ms, ms, (deadlineMono, deadlineBoot, nowMono, nowBoot) => {
      const deadline = { monoMs: deadlineMono, bootMs: deadlineBoot };
      const now = { monoMs: nowMono, bootMs: nowBoot };
      const atMs = Number(bootDeadlineNs(deadline, now, 0)) / 1e6;
      const leftByMonotonicMs = deadlineMono - nowMono;
      expect(atMs).toBeLessThanOrEqual(Math.max(deadlineBoot, 1e-6) + 1e-5);
      expect(atMs - nowBoot).toBeLessThanOrEqual(Math.max(leftByMonotonicMs, 1e-6 - nowBoot) + 1e-4);
    }),
  );
});
