import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { binary, encode, isRoot, scratch, supervise, until } from "./harness.js";

/** What the applet says, and its exit status. */
function applet(...args: string[]): { status: number | null; said: Record<string, unknown> } {
  const { status, stdout, stderr } = spawnSync(binary, args, { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return { status, said: JSON.parse(stdout) };
}

function volume(): string {
  const path = scratch();
  mkdirSync(join(path, ".holdfast"));
  return path;
}

test("reads a marked volume", () => {
  const path = volume();
  const text = '{"service":"orders-db","note":"quote \\" backslash \\\\ ü\\u0001"}\n';
  writeFileSync(join(path, ".holdfast/volume.json"), text);
  writeFileSync(join(path, ".holdfast/epoch.json"), '{"epoch":"7"}');
  writeFileSync(join(path, ".holdfast/claim"), "");
  mkdirSync(join(path, "lost+found"));
  const { dev, ino } = statSync(path, { bigint: true });
  const device = `${(dev >> 8n) & 0xfffn}:${(dev & 0xffn) | ((dev >> 12n) & 0xfff00n)}`;
  const expected = {
    path,
    real: path,
    type: "directory",
    dev: device,
    parentDev: device,
    ino: String(ino),
    volume: text,
    epoch: '{"epoch":"7"}',
    claim: "present",
    empty: true,
  };
  expect(applet("volume-read", path)).toEqual({ status: 0, said: expected });
  mkdirSync(join(path, "data"));
  expect(applet("volume-read", path).said).toEqual({ ...expected, empty: false });
});

test("reads what is not there, and what is no directory", () => {
  const path = scratch();
  const missing = join(path, "ü missing \xff");
  expect(applet("volume-read", missing)).toEqual({
    status: 0,
    said: { path: missing, type: "missing", errno: "ENOENT" },
  });
  writeFileSync(join(path, "file"), "");
  expect(applet("volume-read", join(path, "file")).said).toMatchObject({ type: "other", errno: "ENOTDIR" });
  expect(applet("volume-read", path).said).toMatchObject({ volume: null, epoch: null, claim: "missing", empty: false });
  expect(applet("volume-read", scratch()).said).toMatchObject({ type: "directory", empty: true });
});

test("follows no link below the volume, and reads no record above 64 KiB", () => {
  const elsewhere = volume();
  writeFileSync(join(elsewhere, ".holdfast/volume.json"), "secret");
  const path = scratch();
  symlinkSync(join(elsewhere, ".holdfast"), join(path, ".holdfast"));
  expect(applet("volume-read", path).said).toMatchObject({ volume: null, errno: "ELOOP", claim: "missing" });
  expect(applet("volume-write", path, "{}").said).toMatchObject({ ok: false, step: "open", errno: "ELOOP" });
  expect(existsSync(join(elsewhere, ".holdfast/probe"))).toBe(false);

  const linked = volume();
  for (const name of ["volume.json", "claim", "probe"])
    symlinkSync(join(elsewhere, ".holdfast/volume.json"), join(linked, ".holdfast", name));
  expect(applet("volume-read", linked).said).toMatchObject({ volume: null, errno: "ELOOP", claim: "missing" });
  expect(applet("volume-write", linked).said).toMatchObject({ ok: false, step: "open", errno: "ELOOP" });
  expect(readFileSync(join(elsewhere, ".holdfast/volume.json"), "utf8")).toBe("secret");

  const large = volume();
  writeFileSync(join(large, ".holdfast/epoch.json"), "");
  truncateSync(join(large, ".holdfast/epoch.json"), 65_536);
  expect(applet("volume-read", large).said).toMatchObject({ epoch: null, errno: "EILSEQ" });
  truncateSync(join(large, ".holdfast/epoch.json"), 65_537);
  expect(applet("volume-read", large).said).toMatchObject({ epoch: null, errno: "EFBIG" });
});

test("probes and writes the epoch; a volume without .holdfast is left as it is", () => {
  const path = volume();
  const epoch = `{"epoch":"12","leaseMs":30000,"padding":"${"x".repeat(2000)}"}`;
  writeFileSync(join(path, ".holdfast/epoch.json"), "old");
  expect(applet("volume-write", path).said).toMatchObject({ ok: true, probeUs: expect.any(Number) });
  expect(readFileSync(join(path, ".holdfast/epoch.json"), "utf8")).toBe("old");
  expect(applet("volume-write", path, epoch)).toMatchObject({ status: 0, said: { ok: true } });
  expect(readFileSync(join(path, ".holdfast/epoch.json"), "utf8")).toBe(epoch);
  expect(existsSync(join(path, ".holdfast/epoch.json.tmp"))).toBe(false);
  const first = readFileSync(join(path, ".holdfast/probe"));
  expect(first.length).toBe(4096);
  applet("volume-write", path);
  expect(readFileSync(join(path, ".holdfast/probe")).equals(first)).toBe(false);
  expect(applet("sync", path)).toMatchObject({ status: 0, said: { ok: true } });

  const bare = scratch();
  expect(applet("volume-write", bare, epoch).said).toMatchObject({ ok: false, step: "open", errno: "ENOENT" });
  expect(applet("volume-write", join(bare, "missing")).said).toMatchObject({ ok: false, errno: "ENOENT" });
  expect(applet("sync", join(bare, "missing")).said).toMatchObject({ ok: false, step: "open", errno: "ENOENT" });
  expect(execFileSync("ls", ["-A", bare], { encoding: "utf8" })).toBe("");
});

test("says what a read-only and a full volume answer", (context) => {
  context.skip(!isRoot, "mounting needs root");
  const path = volume();
  execFileSync("mount", ["--bind", path, path]);
  onTestFinished(() => void execFileSync("umount", [path]));
  execFileSync("mount", ["-o", "remount,bind,ro", path]);
  expect(applet("volume-write", path).said).toMatchObject({ ok: false, step: "open", errno: "EROFS" });
  expect(applet("volume-read", path).said).toMatchObject({ type: "directory" });

  const full = scratch();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", full]);
  onTestFinished(() => void execFileSync("umount", [full]));
  mkdirSync(join(full, ".holdfast"));
  const said = applet("volume-read", full).said as { dev: string; parentDev: string };
  expect(said.dev).not.toBe(said.parentDev);
  expect(spawnSync("dd", ["if=/dev/zero", `of=${join(full, "fill")}`, "bs=4k"]).status).toBe(1);
  expect(applet("volume-write", full).said).toMatchObject({ ok: false, step: "write", errno: "ENOSPC" });
});

test("runs as a step, on what the tree sees", async () => {
  const path = volume();
  const tree = await supervise({ command: ["true"] });
  tree.send(`deadline ${tree.bootNsIn(60_000)}`, `step v ${encode(binary)} volume-read ${encode(path)}`);
  expect(await tree.expect("step v ")).toBe("step v exit 0");
  await until("its line", () => tree.stepOutput().endsWith("\n"));
  expect(JSON.parse(tree.stepOutput())).toMatchObject({ path, type: "directory" });
});
