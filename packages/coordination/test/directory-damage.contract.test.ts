import { appendFile, copyFile, cp, mkdir, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createDirectoryStore } from "@holdfast/coordination";
import type { CoordinationStore, StoreVersion } from "@holdfast/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeScratch } from "./directory-backend.js";

/* What people and bad disks do to the files of a record. */

const CALL = { timeoutMs: 10_000 };
const PATH = "services/orders-db/lease";
const bytes = (text: string) => new TextEncoder().encode(text);

let scratch: string;
let record: string;
let chain: string;
let store: CoordinationStore;
let newest: StoreVersion;

beforeEach(async () => {
  scratch = await makeScratch();
  store = createDirectoryStore({ directory: join(scratch, "store") });
  await store.open(CALL);
  newest = await store.create(PATH, bytes("0"), CALL);
  for (let number = 1; number <= 5; number += 1) newest = await store.put(PATH, bytes(String(number)), newest, CALL);
  record = join(scratch, "store", `${PATH}.rec`);
  chain = join(record, (await readdir(record))[0] ?? "");
});

afterEach(async () => {
  await store.close();
  await rm(scratch, { recursive: true });
});

const file = (number: number) => join(chain, String(number).padStart(20, "0"));
const invalid = { code: "RECORD_INVALID", message: expect.stringContaining(PATH) };

async function expectInvalid(): Promise<void> {
  const before = await readdir(chain);
  await expect(store.get(PATH, CALL)).rejects.toMatchObject(invalid);
  await expect(store.create(PATH, bytes("x"), CALL)).rejects.toMatchObject(invalid);
  expect(await readdir(chain)).toEqual(before);
}

test.each([
  ["cut off", async () => writeFile(file(5), (await readFile(file(5))).subarray(0, -1))],
  ["longer", () => appendFile(file(5), "x")],
  ["empty", () => writeFile(file(5), "")],
  ["without a header", () => writeFile(file(5), "{}")],
  ["of a newer format", async () => writeFile(file(5), (await readFile(file(5), "utf8")).replace('"v":1', '"v":2'))],
  ["with a changed byte", async () => writeFile(file(5), (await readFile(file(5), "utf8")).replace(/5$/, "6"))],
  ["a copy of another version", () => copyFile(file(4), file(5))],
  ["enormous", () => writeFile(file(5), new Uint8Array(1_100_000))],
] as const)("a newest version that is %s is invalid, and is not overwritten", async (_what, damage) => {
  await damage();
  await expectInvalid();
  await expect(store.put(PATH, bytes("x"), newest, CALL)).rejects.toMatchObject(invalid);
});

test("a record whose older versions were removed is invalid: it cannot be proven to be the newest", async () => {
  await unlink(file(4));
  await expectInvalid();
});

test("a copied version in between is no version", async () => {
  await copyFile(file(5), file(6));
  await expectInvalid();
});

test("a record with the files of two is invalid", async () => {
  await cp(chain, join(record, "00000000-0000-4000-8000-000000000000"), { recursive: true });
  await expectInvalid();
});

test("files with other names are left alone", async () => {
  await writeFile(join(chain, "notes"), "x");
  await mkdir(join(record, "old"));
  expect((await store.get(PATH, CALL))?.version).toEqual(newest);
  newest = await store.put(PATH, bytes("6"), newest, CALL);
  expect((await store.get(PATH, CALL))?.version).toEqual(newest);
});

test.each([
  ["nothing", () => rm(record, { recursive: true })],
  ["its directory", async () => removeAll(await readdir(record), record)],
  ["its directories", async () => removeAll(await readdir(chain), chain)],
] as const)("removed by hand but for %s: there is no record, and a new one can be made", async (_what, remove) => {
  await remove();
  expect(await store.get(PATH, CALL)).toBeUndefined();
  expect(await store.list("services/orders-db", CALL)).toEqual([]);
  await expect(store.put(PATH, bytes("x"), newest, CALL)).rejects.toMatchObject({ code: "RECORD_MISSING" });
  const again = await store.create(PATH, bytes("again"), CALL);
  expect(again.created).not.toBe(newest.created);
  await store.put(PATH, bytes("again 1"), again, CALL);
});

async function removeAll(names: readonly string[], directory: string): Promise<void> {
  for (const name of names) await rm(join(directory, name), { recursive: true });
}

test("old versions are collected, and reads and writes never miss one", async () => {
  for (let number = 0; number < 1_000; number += 1) {
    newest = await store.put(PATH, bytes(`n${number}`), newest, CALL);
    if (number % 50 === 0) expect((await readdir(chain)).length).toBeLessThanOrEqual(64 + 16);
  }
  expect((await store.get(PATH, CALL))?.version).toEqual(newest);
  expect(await readdir(join(scratch, "store", "tmp"))).toEqual([]);
});

test("versions left between collected ones are collected too", async () => {
  for (let number = 0; number < 100; number += 1) newest = await store.put(PATH, bytes(`n${number}`), newest, CALL);
  const left = await readdir(chain);
  const oldest = Number(left.sort()[0]);
  await cp(file(oldest), file(3));
  for (let number = 0; number < 20; number += 1) newest = await store.put(PATH, bytes(`m${number}`), newest, CALL);
  expect(await readdir(chain)).not.toContain("00000000000000000003");
});

test("a version that was made up from the identity of another creation is refused", async () => {
  const { created, number } = newest;
  const other = { created: created.replace(/:0$/, ":3"), number };
  await expect(store.put(PATH, bytes("x"), other, CALL)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  await expect(store.delete(PATH, other, CALL)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
});
