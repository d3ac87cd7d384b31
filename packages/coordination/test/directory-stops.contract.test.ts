import { mkdir, readdir, rm, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { createDirectoryStore } from "@holdfast/coordination";
import type { CoordinationStore, StoreEntry, StoreVersion } from "@holdfast/core";
import { readProcess } from "@holdfast/effects";
import { StoreWorker } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeScratch, recipe } from "./directory-backend.js";

/*
 * A process that is stopped at one exact system call, while another goes on, and then continues or is killed.
 */

interface StopPoint {
  readonly call: "link" | "unlink" | "rename" | "readdir";
  readonly path: string;
  readonly nth: number;
  readonly act: "stop-before" | "stop-after" | "hold-after" | "hide-newest" | "hide-oldest";
}

const CALL = { timeoutMs: 10_000 };
const PATH = "services/orders-db/lease";
const RECORD = "lease.rec";
/** More than are kept. */
const FAR = 200;
const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (entry: StoreEntry | undefined) => new TextDecoder().decode(entry?.data);

let scratch: string;
let directory: string;
let store: CoordinationStore;
const workers: StoreWorker[] = [];

beforeEach(async () => {
  scratch = await makeScratch();
  directory = join(scratch, "root");
  await mkdir(join(scratch, "store"));
  await symlink(join(scratch, "store"), directory);
  store = createDirectoryStore({ directory });
  await store.open(CALL);
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.kill();
  await store.close();
  await rm(scratch, { recursive: true });
});

async function spawn(...points: StopPoint[]): Promise<StoreWorker> {
  const preload = [new URL("./stop-at.mjs", import.meta.url).href];
  const worker = new StoreWorker({ preload, env: { STOP_AT: JSON.stringify(points) } });
  workers.push(worker);
  await worker.open(recipe(directory));
  return worker;
}

const untilStopped = (worker: StoreWorker) =>
  vi.waitFor(() => expect(readProcess(worker.pid)?.state).toBe("T"), { timeout: 10_000, interval: 2 });

async function write(from: StoreVersion, count: number): Promise<StoreVersion> {
  let version = from;
  for (let index = 0; index < count; index += 1)
    version = await store.put(PATH, bytes(`other ${index}`), version, CALL);
  return version;
}

const put = (worker: StoreWorker, expected: StoreVersion) =>
  worker.ask("put", { path: PATH, data: bytes("stopped"), expected, timeoutMs: 60_000 }).then(
    (version) => ({ version, code: "done" }),
    (error: { code: string }) => ({ version: undefined, code: error.code }),
  );

async function versionFiles(): Promise<string[]> {
  const record = join(directory, "services/orders-db", RECORD);
  const [incarnation] = await readdir(record);
  return readdir(join(record, incarnation ?? ""));
}

const FIRST_LINK = { call: "link", path: RECORD, nth: 1 } as const;

test("stopped before its link: others write at once, and it loses", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "stop-before" });
  const outcome = put(worker, created);
  await untilStopped(worker);
  const written = await write(created, 1);
  worker.signal("SIGCONT");
  expect(await outcome).toMatchObject({ code: "VERSION_CONFLICT" });
  expect((await store.get(PATH, CALL))?.version).toEqual(written);
});

test("stopped before its link until its number is free again: it is told nothing wrong, and its write is seen by nobody", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "stop-before" }, { ...FIRST_LINK, act: "stop-after" });
  const outcome = put(worker, created);
  await untilStopped(worker);
  const written = await write(created, FAR);
  worker.signal("SIGCONT");
  // The link succeeds now, since the number was collected; it stops again right behind it.
  await vi.waitFor(async () => expect(await versionFiles()).toContain("00000000000000000001"));
  await untilStopped(worker);
  expect((await store.get(PATH, CALL))?.version).toEqual(written);
  expect(textOf(await store.get(PATH, CALL))).toBe(`other ${FAR - 1}`);
  const newest = await write(written, 1);
  worker.signal("SIGCONT");
  expect(await outcome).toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect((await store.get(PATH, CALL))?.version).toEqual(newest);
  expect(await versionFiles()).not.toContain("00000000000000000001");
});

test("killed right behind a void link: what it left misleads nobody and is collected", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "stop-before" }, { ...FIRST_LINK, act: "stop-after" });
  worker.tell("put", { path: PATH, data: bytes("stopped"), expected: created, timeoutMs: 60_000 });
  await untilStopped(worker);
  const written = await write(created, FAR);
  worker.signal("SIGCONT");
  await vi.waitFor(async () => expect(await versionFiles()).toContain("00000000000000000001"));
  await worker.kill();
  expect((await store.get(PATH, CALL))?.version).toEqual(written);
  // A second one that expects what was left there finds that it is none.
  const stray = { created: created.created, number: 1 };
  await expect(store.put(PATH, bytes("after the stray"), stray, CALL)).rejects.toMatchObject({
    code: "VERSION_CONFLICT",
  });
  await write(written, 40);
  expect(await versionFiles()).not.toContain("00000000000000000001");
});

test("stopped behind its link, before its acknowledgement: the write counts, and others go on from it", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "stop-after" });
  const outcome = put(worker, created);
  await untilStopped(worker);
  const seen = await store.get(PATH, CALL);
  expect(textOf(seen)).toBe("stopped");
  await write(seen?.version as StoreVersion, 3);
  worker.signal("SIGCONT");
  expect(await outcome).toEqual({ code: "done", version: seen?.version });
});

test("stopped behind its link for longer than versions are kept: it cannot tell, and says so", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "stop-after" });
  const outcome = put(worker, created);
  await untilStopped(worker);
  const newest = await write((await store.get(PATH, CALL))?.version as StoreVersion, FAR);
  worker.signal("SIGCONT");
  expect(await outcome).toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect((await store.get(PATH, CALL))?.version).toEqual(newest);
});

test("stopped before its link while the record is removed and made again: its write finds no place", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "stop-before" });
  const outcome = put(worker, created);
  await untilStopped(worker);
  await rm(join(directory, "services/orders-db", RECORD), { recursive: true });
  const again = await store.create(PATH, bytes("again"), CALL);
  expect(again.number).toBe(created.number);
  worker.signal("SIGCONT");
  expect(await outcome).toMatchObject({ code: "VERSION_CONFLICT" });
  expect(textOf(await store.get(PATH, CALL))).toBe("again");
});

test.each([1, 2, 9])(
  "stopped at removal %i of a collection: nobody waits, and nothing is lost when it goes on",
  async (nth) => {
    const created = await store.create(PATH, bytes("created"), CALL);
    // Version 80 is written by the worker: the first at which there is something to collect.
    const before = await write(created, 79);
    const worker = await spawn({ call: "unlink", act: "stop-before", path: RECORD, nth });
    const outcome = put(worker, before);
    await untilStopped(worker);
    const newest = await write((await store.get(PATH, CALL))?.version as StoreVersion, FAR);
    worker.signal("SIGCONT");
    expect((await outcome).code).toBe("done");
    expect((await store.get(PATH, CALL))?.version).toEqual(newest);
    await write(newest, 40);
    expect((await versionFiles()).length).toBeLessThanOrEqual(64 + 16 + 1);
  },
);

test.each(["before", "after"] as const)(
  "killed %s the rename that creates a record: there is a whole record or none",
  async (when) => {
    const worker = await spawn({ call: "rename", act: `stop-${when}`, path: RECORD, nth: 1 });
    worker.tell("create", { path: PATH, data: bytes("created"), options: CALL });
    await untilStopped(worker);
    await worker.kill();
    const entry = await store.get(PATH, CALL);
    if (when === "after") {
      expect(textOf(entry)).toBe("created");
      await write(entry?.version as StoreVersion, 3);
    } else {
      expect(entry).toBeUndefined();
      await write(await store.create(PATH, bytes("mine"), CALL), 3);
    }
  },
);

test("killed behind the link of a version: the version counts, and what is left over does not pile up", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "stop-after" });
  worker.tell("put", { path: PATH, data: bytes("stopped"), expected: created, timeoutMs: 60_000 });
  await untilStopped(worker);
  await worker.kill();
  const seen = await store.get(PATH, CALL);
  expect(textOf(seen)).toBe("stopped");
  await write(seen?.version as StoreVersion, 3);
  expect(await readdir(join(directory, "tmp"))).toHaveLength(1);
});

test("an answer that comes too late: the outcome is unknown, and the record shows it", async () => {
  const created = await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ ...FIRST_LINK, act: "hold-after" });
  const late = worker.ask("put", { path: PATH, data: bytes("late"), expected: created, timeoutMs: 300 });
  await expect(late).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(textOf(await store.get(PATH, CALL))).toBe("late");
});

test("a listing that lacks the newest versions makes no read stale", async () => {
  const written = await write(await store.create(PATH, bytes("created"), CALL), 7);
  const worker = await spawn({ call: "readdir", path: RECORD, nth: 0, act: "hide-newest" });
  expect((await worker.ask("get", { path: PATH }))?.version).toEqual(written);
  expect(await put(worker, written)).toMatchObject({ code: "done" });
});

test("a listing that lacks the oldest versions does not disturb the order of removal", async () => {
  const written = await write(await store.create(PATH, bytes("created"), CALL), 79);
  const before = await versionFiles();
  const worker = await spawn({ call: "readdir", path: RECORD, nth: 0, act: "hide-oldest" });
  expect(await put(worker, written)).toMatchObject({ code: "done" });
  const after = await versionFiles();
  expect(after.length).toBeLessThan(before.length);
  for (const name of before.sort().slice(0, 5)) expect(after).not.toContain(name);
});

test("the place behind the root's name changes in the middle of a call: the call goes on where it began", async () => {
  await store.create(PATH, bytes("created"), CALL);
  const worker = await spawn({ call: "readdir", path: RECORD, nth: 1, act: "stop-before" });
  const read = worker.ask("get", { path: PATH });
  await untilStopped(worker);
  await unlink(directory);
  await mkdir(join(scratch, "empty"));
  await symlink(join(scratch, "empty"), directory);
  worker.signal("SIGCONT");
  expect(textOf((await read) ?? undefined)).toBe("created");
  await expect(worker.ask("get", { path: PATH })).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
});
