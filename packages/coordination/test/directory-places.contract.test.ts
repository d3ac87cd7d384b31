import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createDirectoryStore } from "@holdfast/coordination";
import type { CoordinationStore, HoldfastError } from "@holdfast/core";
import { bounded } from "@holdfast/effects";
import { StoreWorker } from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeFileSystem, makeScratch, mountsUnavailable, type OwnFileSystem, recipe } from "./directory-backend.js";

/* Where a store is, is not, or cannot be. */

const CALL = { timeoutMs: 10_000 };
const PATH = "services/orders-db/lease";
const bytes = (text: string) => new TextEncoder().encode(text);

let scratch: string;
const stores: CoordinationStore[] = [];
const workers: StoreWorker[] = [];

beforeEach(async () => {
  scratch = await makeScratch();
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.kill();
  for (const store of stores.splice(0)) await store.close();
  await rm(scratch, { recursive: true });
});

function storeAt(directory: string): CoordinationStore {
  const store = createDirectoryStore({ directory });
  stores.push(store);
  return store;
}

async function openAt(directory: string): Promise<CoordinationStore> {
  const store = storeAt(directory);
  await store.open(CALL);
  return store;
}

const errorOf = (call: Promise<unknown>): Promise<HoldfastError> =>
  call.then(
    () => expect.fail("It succeeded."),
    (error: HoldfastError) => error,
  );

test("open makes a store where nothing is, parents included, and finds it again", async () => {
  const directory = join(scratch, "a/b/store");
  const store = await openAt(directory);
  await store.create(PATH, bytes("kept"), CALL);
  const again = await openAt(directory);
  expect(new TextDecoder().decode((await again.get(PATH, CALL))?.data)).toBe("kept");
  expect((await stat(directory)).mode & 0o007).toBe(0);
});

test("several processes that open a new place at once find one store", async () => {
  for (let round = 0; round < 5; round += 1) {
    const directory = join(scratch, `store-${round}`);
    await Promise.all(Array.from({ length: 8 }, () => openAt(directory)));
    expect((await readdir(directory)).sort()).toEqual(["holdfast-store.json", "tmp"]);
  }
});

test("open refuses a directory with other things in it, and writes nothing there", async () => {
  await writeFile(join(scratch, "somebody's file"), "x");
  const error = await errorOf(storeAt(scratch).open(CALL));
  expect(error.code).toBe("STORE_UNSUITABLE");
  expect(error.message).toContain("somebody's file");
  expect(await readdir(scratch)).toEqual(["somebody's file"]);
});

test("open refuses a file, a relative path, a dangling link and a store of a newer format", async () => {
  const file = join(scratch, "file");
  await writeFile(file, "x");
  expect(await errorOf(storeAt(file).open(CALL))).toMatchObject({ code: "STORE_UNSUITABLE" });
  expect(await errorOf(storeAt("relative/path").open(CALL))).toMatchObject({ code: "BAD_CONFIGURATION" });
  const link = join(scratch, "link");
  await symlink(join(scratch, "nowhere"), link);
  expect(await errorOf(storeAt(link).open(CALL))).toMatchObject({ code: "STORE_UNREACHABLE" });
  const newer = join(scratch, "newer");
  await openAt(newer);
  await writeFile(join(newer, "holdfast-store.json"), '{"v":2,"storeId":"x"}');
  expect(await errorOf(storeAt(newer).open(CALL))).toMatchObject({ code: "STORE_UNSUITABLE" });
});

test("open refuses a file system that is not local, by name", async () => {
  const error = await errorOf(storeAt("/proc/self/holdfast").open(CALL));
  expect(error.code).toBe("STORE_UNSUITABLE");
  expect(error.message).toContain("proc");
  expect(error.hint).toContain("ext2/3/4");
});

test("a call before open is refused", async () => {
  expect(await errorOf(storeAt(join(scratch, "store")).get(PATH, CALL))).toMatchObject({ code: "STORE_UNREACHABLE" });
});

test("a path that could leave the root is refused", async () => {
  const store = await openAt(join(scratch, "store"));
  for (const path of [
    "../x",
    "a/../../x",
    "/etc/x",
    "a//b",
    ".",
    "tmp/x",
    "a/b.rec",
    "a/b.queue/c",
    "a/\0",
    "ä",
    "x".repeat(241),
  ]) {
    expect((await errorOf(store.create(path, bytes("x"), CALL))).code, path).toBe("BAD_CONFIGURATION");
    expect((await errorOf(store.get(path, CALL))).code, path).toBe("BAD_CONFIGURATION");
  }
  expect(await readdir(scratch)).toEqual(["store"]);
});

test("another store in the same place is not taken for this one", async () => {
  const directory = join(scratch, "store");
  const store = await openAt(directory);
  const version = await store.create(PATH, bytes("one"), CALL);
  await rename(directory, join(scratch, "aside"));
  const other = await openAt(directory);
  await other.create(PATH, bytes("two"), CALL);
  const error = await errorOf(store.put(PATH, bytes("three"), version, CALL));
  expect(error).toMatchObject({ code: "STORE_UNREACHABLE" });
  expect(error.message).toContain("another store");
  await rm(directory, { recursive: true });
  // A restored marker file is another file with the same content.
  await rename(join(scratch, "aside"), directory);
  const marker = join(directory, "holdfast-store.json");
  const content = await readFile(marker);
  await unlink(marker);
  await writeFile(marker, content);
  await store.put(PATH, bytes("three"), version, CALL);
});

test("findings name what others may do, and a place that vanishes", async () => {
  const directory = join(scratch, "store");
  const store = await openAt(directory);
  const codes = async (of: CoordinationStore) => (await of.findings(CALL)).map(({ code }) => code);
  expect(await codes(store)).toEqual([]);
  await chmod(directory, 0o777);
  expect(await codes(store)).toEqual(["WORLD_WRITABLE", "WORLD_READABLE"]);
  await chmod(directory, 0o701);
  expect(await codes(store)).toEqual([]);
  const inMemory = `/dev/shm/${directory.split("/").at(-2)}`;
  try {
    expect(await codes(await openAt(inMemory))).toEqual(["VOLATILE_FILE_SYSTEM"]);
  } finally {
    await rm(inMemory, { recursive: true });
  }
});

test("permissions: a refused open says so, and a record that may not be written is unreachable", async ({ skip }) => {
  skip(mountsUnavailable !== undefined, mountsUnavailable?.unavailable);
  const nobody = 65_534;
  await chmod(scratch, 0o755);
  const closedTo = join(scratch, "root-only");
  await openAt(closedTo);
  const worker = new StoreWorker({ uid: nobody, gid: nobody });
  workers.push(worker);
  await expect(worker.open(recipe(closedTo))).rejects.toMatchObject({ code: "DENIED" });
  const directory = join(scratch, "shared");
  const store = await openAt(directory);
  const version = await store.create(PATH, bytes("root's"), CALL);
  await chmod(directory, 0o777);
  await chmod(join(directory, "tmp"), 0o777);
  await chmod(join(directory, "services"), 0o755);
  await chmod(join(directory, "holdfast-store.json"), 0o644);
  await chmod(join(directory, dirname(PATH)), 0o755);
  const record = join(directory, `${PATH}.rec`);
  for (const path of [record, join(record, (await readdir(record))[0] ?? "")]) await chmod(path, 0o755);
  await chmod(join(record, (await readdir(record))[0] ?? "", "00000000000000000000"), 0o644);
  await worker.open(recipe(directory));
  expect((await worker.ask("get", { path: PATH }))?.version).toEqual(version);
  const put = worker.ask("put", { path: PATH, data: bytes("nobody's"), expected: version, timeoutMs: 5_000 });
  await expect(put).rejects.toMatchObject({ code: "STORE_UNREACHABLE", message: expect.stringContaining("EACCES") });
  expect((await store.get(PATH, CALL))?.version).toEqual(version);
});

describe("on a file system of its own", () => {
  let fileSystem: OwnFileSystem;
  let started = false;
  let store: CoordinationStore;
  let directory: string;

  beforeEach(async ({ skip }) => {
    skip(mountsUnavailable !== undefined, mountsUnavailable?.unavailable);
    fileSystem = makeFileSystem(scratch, 8);
    started = true;
    directory = join(fileSystem.mountPoint, "store");
    store = await openAt(directory);
  });
  afterEach(async () => {
    for (const open of stores.splice(0)) await open.close();
    if (started) fileSystem.stop();
    started = false;
  });

  test("unmounted: unreachable, never missing; mounted again: as before", async () => {
    const version = await store.create(PATH, bytes("before"), CALL);
    fileSystem.unmount();
    // What an unmount uncovers may even look like a part of a store.
    await mkdir(join(directory, "services/orders-db"), { recursive: true });
    for (const call of [
      () => store.get(PATH, CALL),
      () => store.put(PATH, bytes("x"), version, CALL),
      () => store.create("services/x/lease", bytes("x"), CALL),
      () => store.delete(PATH, version, CALL),
      () => store.list("services", CALL),
      () => store.candidates("services/x/queue", CALL),
      () => store.findings(CALL),
    ]) {
      expect((await errorOf(call())).code).toBe("STORE_UNREACHABLE");
    }
    expect(store.health().state).toBe("disconnected");
    await rm(directory, { recursive: true });
    fileSystem.mount();
    await store.put(PATH, bytes("after"), version, CALL);
    const { state } = store.health();
    expect(state).toBe("connected");
  });

  test("an unmount is possible between calls: nothing stays open", async () => {
    await store.create(PATH, bytes("x"), CALL);
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 20 }, () => store.get(PATH, CALL)));
      fileSystem.unmount();
      fileSystem.mount();
    }
    expect(await store.get(PATH, CALL)).toBeDefined();
  });

  test("full: a write is refused without effect, reads go on, and writes too once there is room", async () => {
    const version = await store.create(PATH, bytes("before"), CALL);
    const filler = join(fileSystem.mountPoint, "filler");
    expect(() => execFileSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"], { stdio: "pipe" })).toThrow();
    const large = new Uint8Array(500_000);
    const error = await errorOf(store.put(PATH, large, version, CALL));
    expect(error).toMatchObject({ code: "STORE_UNREACHABLE", detail: { errno: "ENOSPC" } });
    expect(error.hint).toContain("full");
    expect((await store.get(PATH, CALL))?.version).toEqual(version);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
    await unlink(filler);
    await store.put(PATH, large, version, CALL);
  });

  test("read-only: a write is refused without effect", async () => {
    const version = await store.create(PATH, bytes("before"), CALL);
    execFileSync("mount", ["-o", "remount,ro", fileSystem.mountPoint]);
    const error = await errorOf(store.put(PATH, bytes("x"), version, CALL));
    expect(error).toMatchObject({ code: "STORE_UNREACHABLE", detail: { errno: "EROFS" } });
    expect((await store.get(PATH, CALL))?.version).toEqual(version);
    execFileSync("mount", ["-o", "remount,rw", fileSystem.mountPoint]);
    await store.put(PATH, bytes("x"), version, CALL);
  });

  test("an acknowledged write is on the disk: it survives a power cut at that moment", async () => {
    let version = await store.create(PATH, bytes("0"), CALL);
    for (let round = 1; round <= 20; round += 1) version = await store.put(PATH, bytes(String(round)), version, CALL);
    // The image as the disk has it now: what is only in this kernel's memory for the mounted file system is not there.
    const copy = await mkdirIn(scratch, "after-the-cut");
    execFileSync("cp", ["--sparse=always", join(scratch, "image"), join(copy, "image")]);
    const mountPoint = await mkdirIn(copy, "mnt");
    execFileSync("mount", ["-o", "loop", join(copy, "image"), mountPoint]);
    try {
      const survived = await openAt(join(mountPoint, "store"));
      const entry = await survived.get(PATH, CALL);
      expect([new TextDecoder().decode(entry?.data), entry?.version]).toEqual(["20", version]);
    } finally {
      execFileSync("umount", [mountPoint]);
    }
  });

  test("a frozen disk leaves the process its threads, and no late effect of what was called unreachable", async () => {
    let version = await store.create(PATH, bytes("before"), CALL);
    fileSystem.freeze();
    const outcomes: string[] = [];
    try {
      for (let call = 0; call < 8; call += 1) {
        const error = await errorOf(store.put(PATH, bytes(`frozen ${call}`), version, { timeoutMs: 100 }));
        outcomes.push(error.code);
        await bounded(readFile("/etc/hostname"), {
          timeoutMs: 1_000,
          code: "INTERNAL",
          what: "reading another file system",
          hint: "The frozen one has taken all threads.",
        });
      }
    } finally {
      fileSystem.unfreeze();
    }
    // They hang in writing the temporary file, before anything could take effect.
    expect(new Set(outcomes)).toEqual(new Set(["STORE_UNREACHABLE"]));
    for (let round = 0; round < 50; round += 1) version = await store.put(PATH, bytes(`after ${round}`), version, CALL);
  });
});

async function mkdirIn(parent: string, name: string): Promise<string> {
  await mkdir(join(parent, name));
  return join(parent, name);
}
