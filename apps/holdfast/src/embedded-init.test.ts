import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type InitLocation, unpackInit } from "./embedded-init.js";

const init = { content: Buffer.from("#!/bin/sh\necho unpacked\n"), digest: "0123456789abcdef0123456789abcdef" };
const uid = process.getuid?.() ?? -1;
const isRoot = uid === 0;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "embedded-init-"));
  chmodSync(root, 0o755);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function unpackInto(...directories: string[]): InitLocation {
  return unpackInit(init, { uid, env: {}, directories });
}

describe("unpackInit", () => {
  test("writes a file that can be executed, whatever the umask", () => {
    const umask = process.umask(0o077);
    try {
      const { path } = unpackInto(join(root, "a/b"));
      expect(execFileSync(path as string, { encoding: "utf8" })).toBe("unpacked\n");
      expect(statSync(path as string).mode & 0o777).toBe(0o755);
    } finally {
      process.umask(umask);
    }
  });

  test("uses an intact file again and leaves nothing else behind", () => {
    const first = unpackInto(join(root, "bin"));
    const before = statSync(first.path as string).ino;
    expect(unpackInto(join(root, "bin"))).toEqual(first);
    expect(statSync(first.path as string).ino).toBe(before);
    expect(readdirSync(join(root, "bin"))).toHaveLength(1);
  });

  test("replaces a file whose content differs", () => {
    const { path } = unpackInto(join(root, "bin"));
    writeFileSync(path as string, "#!/bin/sh\necho planted\n");
    expect(unpackInto(join(root, "bin")).path).toBe(path);
    expect(execFileSync(path as string, { encoding: "utf8" })).toBe("unpacked\n");
  });

  test("replaces a link and does not write through it", () => {
    const { path } = unpackInto(join(root, "bin"));
    const victim = join(root, "victim");
    writeFileSync(victim, "precious");
    rmSync(path as string);
    symlinkSync(victim, path as string);
    unpackInto(join(root, "bin"));
    expect(execFileSync("cat", [victim], { encoding: "utf8" })).toBe("precious");
    expect(execFileSync(path as string, { encoding: "utf8" })).toBe("unpacked\n");
  });

  test("refuses a directory that others can write, also one further up, and takes the next", () => {
    mkdirSync(join(root, "open"));
    chmodSync(join(root, "open"), 0o777);
    expect(unpackInto(join(root, "open")).reason).toContain("can be written by other users");
    expect(unpackInto(join(root, "open/below")).reason).toContain("can be written by other users");
    expect(unpackInto(join(root, "open"), join(root, "closed")).path).toContain(join(root, "closed"));
  });

  test("refuses a sticky directory itself but accepts one below it", () => {
    mkdirSync(join(root, "sticky"));
    chmodSync(join(root, "sticky"), 0o1777);
    expect(unpackInto(join(root, "sticky")).reason).toContain("can be written by other users");
    expect(unpackInto(join(root, "sticky/mine")).path).toContain(join(root, "sticky/mine"));
  });

  test.skipIf(!isRoot)("refuses a directory planted by another user, also behind a link", () => {
    mkdirSync(join(root, "planted"));
    chownSync(join(root, "planted"), 65_534, 65_534);
    symlinkSync(join(root, "planted"), join(root, "link"));
    expect(unpackInto(join(root, "planted")).reason).toContain("belongs to user 65534");
    expect(unpackInto(join(root, "link")).reason).toContain("belongs to user 65534");
  });

  test.skipIf(!isRoot)("leaves a directory that does not permit execution", () => {
    const noexec = join(root, "noexec");
    mkdirSync(noexec);
    execFileSync("mount", ["-t", "tmpfs", "-o", "noexec,mode=755,size=64k", "tmpfs", noexec]);
    try {
      expect(unpackInto(noexec).reason).toContain("cannot be executed");
      expect(unpackInto(noexec, join(root, "bin")).path).toContain(join(root, "bin"));
    } finally {
      execFileSync("umount", [noexec]);
    }
  });

  test("gives the reason when a directory cannot be made", () => {
    writeFileSync(join(root, "file"), "");
    expect(unpackInto(join(root, "file/bin")).reason).toContain("ENOTDIR");
  });

  test("falls back to a fresh directory with an unguessable name", () => {
    const { path } = unpackInto(join(root, "fresh-XXXXXX"));
    expect(path).toMatch(/fresh-[A-Za-z0-9]{6}\/holdfast-init-0123456789abcdef$/);
    expect(execFileSync(path as string, { encoding: "utf8" })).toBe("unpacked\n");
  });

  test("names every directory it tried", () => {
    writeFileSync(join(root, "file"), "");
    const { reason } = unpackInto(join(root, "file/a"), join(root, "file/b"));
    expect(reason).toContain(join(root, "file/a"));
    expect(reason).toContain(join(root, "file/b"));
  });
});
