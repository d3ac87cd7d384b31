import { expect, test } from "vitest";
import { parseBlockStat } from "./metrics.js";

test("the block layer's counters", () => {
  const text =
    "      55        1     2102       12        3        0        8        2        4        8       13        0        0        0        0        1        5\n";
  expect(parseBlockStat(text)).toEqual({
    reads: 55,
    readBytes: 2_102 * 512,
    readMs: 12,
    writes: 3,
    writtenBytes: 8 * 512,
    writeMs: 2,
    requestsInFlight: 4,
    busyMs: 8,
    queueMs: 13,
    flushes: 1,
    flushMs: 5,
  });
});
