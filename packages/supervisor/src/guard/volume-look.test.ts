import type { MountEntry } from "@holdfast/core";
import { compareMount, interpretLook, interpretProbe, settleFailure } from "@holdfast/effects";
import { describe, expect, test } from "vitest";
import { mountTable, readLine, VOLUME_PATH } from "../../test/support/simulated-volume.js";

const ok = { kind: "code", code: 0 } as const;
const wrote = (json: object): string =>
  `${JSON.stringify({ ok: false, step: "write", message: "it failed", ...json })}\n`;

describe("a look at a volume", () => {
  test("gives evidence, with the mount that it really lies on", () => {
    const result = interpretLook(VOLUME_PATH, ok, readLine("6"), mountTable({ fsType: "nfs4" }));
    expect(result).toMatchObject({
      kind: "seen",
      look: {
        evidence: {
          mounted: true,
          fsType: "nfs4",
          source: "server:/orders",
          epoch: 6n,
          leaseMs: 3_000,
          readOnly: false,
        },
        last: { epoch: 6n, run: "old", agent: "agent-0" },
        claimFile: "present",
        mount: { mountPoint: VOLUME_PATH },
      },
    });
    if (result.kind === "seen") expect(result.look.evidence.device).not.toBe(result.look.evidence.parentDevice);
  });

  test("a volume that never ran has no epoch; a read-only mount is seen", () => {
    expect(interpretLook(VOLUME_PATH, ok, readLine(null), mountTable({ readOnly: true }))).toMatchObject({
      look: { evidence: { epoch: null, leaseMs: null, readOnly: true }, last: null },
    });
  });

  test("a directory without a mount of its own has its parent's device", () => {
    const [root] = mountTable();
    const line = readLine("6").replace('"dev":"0:44"', '"dev":"8:1"');
    const result = interpretLook(VOLUME_PATH, ok, line, root === undefined ? [] : [root]);
    expect(result).toMatchObject({ look: { evidence: { device: "8:1", parentDevice: "8:1" } } });
  });

  test.each([
    ["timeout", { kind: "timeout", timeoutMs: 9 } as const, "", "VOLUME_HUNG"],
    ["a child that was killed", { kind: "signal", signal: 9 } as const, "", "INTERNAL"],
    ["no output", ok, "", "INTERNAL"],
    [
      "an unreadable directory",
      ok,
      '{"type":"other","errno":"EACCES","error":".: Permission denied"}\n',
      "VOLUME_IO_ERROR",
    ],
    [
      "a dead server",
      ok,
      '{"type":"other","errno":"ENOTCONN","error":".: Transport endpoint is not connected"}\n',
      "VOLUME_IO_ERROR",
    ],
    [
      "a record that is too large",
      ok,
      '{"type":"directory","errno":"EFBIG","error":".holdfast/epoch.json: File too large"}\n',
      "VOLUME_IO_ERROR",
    ],
    ["a mark of another version", ok, '{"type":"directory","volume":"{\\"v\\":2}"}\n', "RECORD_INVALID"],
  ])("%s is a problem with its own code", (_, outcome, output, code) => {
    expect(interpretLook(VOLUME_PATH, outcome, output, mountTable())).toMatchObject({
      kind: "problem",
      problem: { code },
    });
  });

  test("what is not there, and what is no directory, is not mounted", () => {
    for (const output of [
      '{"type":"missing","errno":"ENOENT"}\n',
      '{"type":"other","errno":"ENOTDIR","error":"x"}\n',
    ]) {
      expect(interpretLook(VOLUME_PATH, ok, output, mountTable())).toMatchObject({
        kind: "seen",
        look: { evidence: { mounted: false } },
      });
    }
  });
});

test.each([
  ["EROFS", "problem", "VOLUME_READ_ONLY"],
  ["ENOENT", "problem", "VOLUME_MISSING"],
  ["EIO", "problem", "VOLUME_IO_ERROR"],
  ["ESTALE", "problem", "VOLUME_IO_ERROR"],
  ["ENOSPC", "full", "VOLUME_IO_ERROR"],
  ["EDQUOT", "full", "VOLUME_IO_ERROR"],
])("a probe that ends with %s", (errno, kind, code) => {
  expect(interpretProbe(VOLUME_PATH, ok, wrote({ errno }))).toMatchObject({ kind, problem: { code } });
});

test("a probe that hangs, one that works, one that says nothing", () => {
  expect(interpretProbe(VOLUME_PATH, { kind: "timeout", timeoutMs: 5 }, "")).toMatchObject({
    problem: { code: "VOLUME_HUNG" },
  });
  expect(interpretProbe(VOLUME_PATH, ok, '{"ok":true,"probeUs":412}\n')).toEqual({ kind: "ok", probeUs: 412 });
  expect(interpretProbe(VOLUME_PATH, ok, "")).toMatchObject({ problem: { code: "INTERNAL" } });
});

test("settling: exit status and words both count", () => {
  expect(settleFailure(ok, '{"ok":true,"probeUs":1}\n')).toBeNull();
  expect(settleFailure(ok, "")).toBeNull();
  expect(settleFailure({ kind: "code", code: 1 }, "")).toBe("it ended with 1");
  expect(settleFailure(ok, wrote({ step: "fsync", errno: "EIO" }))).toBe("fsync: it failed");
  expect(settleFailure({ kind: "timeout", timeoutMs: 7 }, "")).toBe("no answer within 7 ms");
});

describe("the mount table against the start", () => {
  const [, mount] = mountTable() as [MountEntry, MountEntry];
  const watched = { realPath: VOLUME_PATH, mount };

  test.each([
    ["the same", mountTable(), null],
    ["unmounted", mountTable().slice(0, 1), "VOLUME_MISSING"],
    ["nothing at all", [], "VOLUME_MISSING"],
    ["another device", mountTable({ device: "0:45" }), "VOLUME_CHANGED"],
    ["covered", [...mountTable(), { ...mount, device: "0:99", mountId: 9 }], "VOLUME_CHANGED"],
    ["read-only", mountTable({ readOnly: true }), "VOLUME_READ_ONLY"],
    ["read-only after an error", [{ ...mount, superOptions: ["ro"] }], "VOLUME_READ_ONLY"],
  ])("%s", (_, now, code) => {
    expect(compareMount(watched, now)?.code ?? null).toBe(code);
  });

  test("a volume on its parent's file system is watched through that", () => {
    const [root] = mountTable() as [MountEntry, MountEntry];
    expect(compareMount({ realPath: VOLUME_PATH, mount: root }, [root])).toBeNull();
    expect(compareMount({ realPath: VOLUME_PATH, mount: root }, mountTable())).toMatchObject({
      code: "VOLUME_CHANGED",
    });
  });
});
