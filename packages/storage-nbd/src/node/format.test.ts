import type { Grant } from "@holdfast/core";
import { expect, test } from "vitest";
import { OPTIONS, volumeWith } from "../options.fixture.js";
import { formatCommand, formatUuid, looksUnused } from "./format.js";

const volume = volumeWith(OPTIONS);
const grant: Grant = {
  service: "orders",
  epoch: 7n,
  run: "0b0c9a52-run",
  agent: "a",
  signal: new AbortController().signal,
};

test("the same grant makes the same UUID, and every other grant or role another", () => {
  const uuid = formatUuid(volume, grant);
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(formatUuid(volume, { ...grant })).toBe(uuid);
  const others = [
    formatUuid(volume, { ...grant, epoch: 8n }),
    formatUuid(volume, { ...grant, run: "another-run" }),
    formatUuid({ ...volume, role: "log" }, grant),
  ];
  expect(new Set([uuid, ...others]).size).toBe(4);
});

test.each(["ext4", "xfs"] as const)("mkfs.%s is told the UUID, and discards nothing", (fsType) => {
  const line = formatCommand(fsType, "1-2-3", "/w/disk").join(" ");
  expect(line).toMatch(fsType === "ext4" ? /^mkfs\.ext4 .*-U 1-2-3 .*nodiscard/ : /^mkfs\.xfs .*-K .*uuid=1-2-3/);
  expect(line).not.toMatch(/ -F -F| -f /);
});

test("a file system that was mounted, or has a file, is not taken for a new one", () => {
  expect(looksUnused("ext4", "Last mount time:          n/a\nLast write time: Sun Nov 29\n")).toBe(true);
  expect(looksUnused("ext4", "Last mount time:          Sun Nov 29 02:00:00 2026\n")).toBe(false);
  expect(looksUnused("xfs", "icount = 64\nifree = 61\n")).toBe(true);
  expect(looksUnused("xfs", "icount = 64\nifree = 60\n")).toBe(false);
});
