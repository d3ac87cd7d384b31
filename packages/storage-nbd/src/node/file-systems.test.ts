import { describe, expect, test } from "vitest";
import {
  blankRanges,
  type DeviceFacts,
  judgeDevice,
  parseBlkid,
  parseDumpe2fs,
  parseFsckProgress,
  parseLogState,
} from "./file-systems.js";

const COMMANDS = { repair: "do repair", force: "do force", format: "do format", look: "do look" };
const judge = (facts: DeviceFacts) => judgeDevice(facts.kind === "xfs" ? "xfs" : "ext4", facts, COMMANDS);

const DUMP = `Filesystem volume name:   <none>
Filesystem features:      has_journal ext_attr needs_recovery extent
Filesystem state:         clean
Journal features:         journal_64bit
`;

describe("what the tools say", () => {
  test("dumpe2fs", () => {
    expect(parseDumpe2fs(DUMP)).toEqual({ needsRecovery: true, state: "clean" });
    expect(parseDumpe2fs("dumpe2fs: Bad magic number in super-block")).toBeNull();
  });

  test("xfs_logprint", () => {
    expect(parseLogState("    log tail: 2 head: 2 state: <CLEAN>\n")).toBe("clean");
    expect(parseLogState("    log tail: 2 head: 48 state: <DIRTY>\n")).toBe("dirty");
    expect(parseLogState("xfs_logprint: /dev/x is not a valid XFS filesystem")).toBe("unreadable");
  });

  test("blkid", () => {
    expect(parseBlkid("DEVNAME=/d\nUUID=1\nTYPE=ext4\nUSAGE=filesystem\n")).toBe("ext4");
    expect(parseBlkid("")).toBeNull();
  });

  test("e2fsck -C 1: the last whole line", () => {
    expect(parseFsckProgress("1 0 12 /d\n1 5 12 /d\n2 1 1")).toEqual({ pass: 1, done: 5, total: 12 });
    expect(parseFsckProgress("/d: recovering journal\n")).toBeNull();
  });
});

describe("what it means", () => {
  const superblock = { needsRecovery: false, state: "clean" };
  const rows: [string, DeviceFacts, ReturnType<typeof judge>["state"], boolean, string | null, RegExp?][] = [
    ["blank", { kind: "blank" }, "damaged", false, "do format", /^BLANK/],
    ["first blocks zeroed", { kind: "unrecognised" }, "damaged", false, "do force", /^NO_SUPERBLOCK/],
    [
      "another file system",
      { kind: "other", type: "btrfs" },
      "damaged",
      false,
      "do look",
      /^WRONG_FILE_SYSTEM: it holds btrfs/,
    ],
    ["ext4, clean", { kind: "ext4", superblock, check: { exitCode: 0, output: "" } }, "clean", true, null],
    [
      "ext4, journal",
      { kind: "ext4", superblock: { ...superblock, needsRecovery: true }, check: null },
      "needs-repair",
      true,
      "do repair",
      /^DIRTY_JOURNAL/,
    ],
    [
      "ext4, errors",
      { kind: "ext4", superblock: { needsRecovery: true, state: "clean with errors" }, check: null },
      "needs-repair",
      true,
      "do repair",
      /^ERRORS/,
    ],
    [
      "ext4, found by -n",
      { kind: "ext4", superblock, check: { exitCode: 4, output: "bad" } },
      "needs-repair",
      true,
      "do repair",
      /^ERRORS.*bad/,
    ],
    [
      "ext4, not even -n",
      { kind: "ext4", superblock, check: { exitCode: 8, output: "bad" } },
      "damaged",
      false,
      "do force",
      /^UNREADABLE/,
    ],
    [
      "ext4, no superblock",
      { kind: "ext4", superblock: null, check: null },
      "damaged",
      false,
      "do force",
      /^NO_SUPERBLOCK/,
    ],
    ["xfs, clean", { kind: "xfs", log: "clean", check: null }, "clean", true, null],
    ["xfs, log", { kind: "xfs", log: "dirty", check: null }, "needs-repair", true, "do repair", /^DIRTY_LOG/],
    [
      "xfs, found by -n",
      { kind: "xfs", log: "clean", check: { exitCode: 1, output: "bad" } },
      "damaged",
      false,
      "do repair",
      /^ERRORS/,
    ],
    ["xfs, no log", { kind: "xfs", log: "unreadable", check: null }, "damaged", false, "do force", /^NO_LOG/],
  ];
  test.each(rows)("%s", (_, facts, state, safeToRepair, command, finding) => {
    const result = judge(facts);
    expect(result).toMatchObject({ state, safeToRepair, command });
    if (finding === undefined) expect(result.findings).toEqual([]);
    else expect(result.findings).toEqual([expect.stringMatching(finding)]);
  });
});

describe("what is read before a device is called blank", () => {
  test("all of a small one", () => {
    expect(blankRanges(1_000, 4_096)).toEqual([{ offset: 0, bytes: 1_000 }]);
  });

  test("of a large one the beginning, the very end, and places between", () => {
    const size = 100 * 1024 ** 3;
    const ranges = blankRanges(size, 16 * 1024 ** 3);
    expect(ranges[0]).toEqual({ offset: 0, bytes: 16 * 1024 ** 3 });
    const last = ranges.at(-1);
    expect((last?.offset ?? 0) + (last?.bytes ?? 0)).toBe(size);
    for (const { offset, bytes } of ranges) expect(offset + bytes).toBeLessThanOrEqual(size);
  });
});
