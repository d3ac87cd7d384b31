import { type StoreVersion, sameVersion } from "@holdfast/core";
import { expect, test } from "vitest";
import { bytes, CALL, codeOf, demand, freshPath, type Suite, text } from "./suite.js";

/** One record at a time, and one client or two. */
export function recordTests(suite: Suite): void {
  test("reads back what was created, byte for byte", async () => {
    const store = await suite.open();
    const path = freshPath();
    const data = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    const version = await store.create(path, data, CALL);
    const entry = await store.get(path, CALL);
    expect(Buffer.from(entry?.data ?? []).equals(Buffer.from(data))).toBe(true);
    expect(entry?.version).toEqual(version);
  });

  test("keeps an empty payload", async () => {
    const store = await suite.open();
    const path = freshPath();
    const version = await store.create(path, new Uint8Array(), CALL);
    await store.put(path, new Uint8Array(), version, CALL);
    expect((await store.get(path, CALL))?.data.byteLength).toBe(0);
  });

  test("answers undefined for what does not exist, also below what does not exist", async () => {
    const store = await suite.open();
    const path = freshPath();
    expect(await store.get(path, CALL)).toBeUndefined();
    await store.create(path, bytes("a"), CALL);
    expect(await store.get(`${path}/below/it`, CALL)).toBeUndefined();
  });

  test("refuses to create what exists, and leaves it as it was", async () => {
    const [store, other] = [await suite.open(), await suite.open()];
    const path = freshPath();
    const version = await store.create(path, bytes("first"), CALL);
    expect(await codeOf(other.create(path, bytes("second"), CALL))).toBe("RECORD_EXISTS");
    expect(await store.get(path, CALL)).toEqual({ data: expect.anything(), version });
    expect(text((await store.get(path, CALL))?.data)).toBe("first");
  });

  test("replaces a version and answers with the next one", async () => {
    const store = await suite.open();
    const path = freshPath();
    const first = await store.create(path, bytes("1"), CALL);
    const second = await store.put(path, bytes("2"), first, CALL);
    const third = await store.put(path, bytes("3"), second, CALL);
    expect([second.created, third.created]).toEqual([first.created, first.created]);
    expect(second.number).toBeGreaterThan(first.number);
    expect(third.number).toBeGreaterThan(second.number);
    const entry = await store.get(path, CALL);
    expect([text(entry?.data), entry?.version]).toEqual(["3", third]);
  });

  test("refuses a conflicting write at the very first version", async () => {
    const [store, other] = [await suite.open(), await suite.open()];
    const path = freshPath();
    const first = await store.create(path, bytes("created"), CALL);
    await store.put(path, bytes("winner"), first, CALL);
    expect(await codeOf(other.put(path, bytes("loser"), first, CALL))).toBe("VERSION_CONFLICT");
    expect(text((await other.get(path, CALL))?.data)).toBe("winner");
  });

  test("refuses every superseded version, however old", async () => {
    const store = await suite.open();
    const path = freshPath();
    const versions = [await store.create(path, bytes("0"), CALL)];
    for (let count = 1; count <= 150; count += 1) {
      versions.push(await store.put(path, bytes(String(count)), versions.at(-1) as StoreVersion, CALL));
    }
    for (const version of versions.slice(0, -1)) {
      expect(await codeOf(store.put(path, bytes("stale"), version, CALL))).toBe("VERSION_CONFLICT");
    }
    expect(text((await store.get(path, CALL))?.data)).toBe("150");
  });

  test("refuses to write and to delete at a version that is still to come", async () => {
    const store = await suite.open();
    const path = freshPath();
    const { created, number } = await store.create(path, bytes("0"), CALL);
    const future = { created, number: number + 1 };
    expect(await codeOf(store.put(path, bytes("early"), future, CALL))).toBe("VERSION_CONFLICT");
    expect(await codeOf(store.delete(path, future, CALL))).toBe("VERSION_CONFLICT");
    expect(text((await store.get(path, CALL))?.data)).toBe("0");
  });

  test("fails to write what was never created", async () => {
    const store = await suite.open();
    const { created } = await store.create(freshPath(), bytes("another"), CALL);
    const path = freshPath();
    expect(await codeOf(store.put(path, bytes("x"), { created, number: 0 }, CALL))).toBe("RECORD_MISSING");
    expect(await store.get(path, CALL)).toBeUndefined();
  });

  test("deletes at the expected version only, and knows the record no more", async () => {
    const store = await suite.open();
    const path = freshPath();
    const first = await store.create(path, bytes("1"), CALL);
    const second = await store.put(path, bytes("2"), first, CALL);
    expect(await codeOf(store.delete(path, first, CALL))).toBe("VERSION_CONFLICT");
    expect(text((await store.get(path, CALL))?.data)).toBe("2");
    await store.delete(path, second, CALL);
    expect(await store.get(path, CALL)).toBeUndefined();
    expect(await codeOf(store.put(path, bytes("3"), second, CALL))).toBe("RECORD_MISSING");
    expect(await store.get(path, CALL)).toBeUndefined();
    await store.delete(path, second, CALL);
  });

  test("a record created again after a delete is another one", async () => {
    const store = await suite.open();
    const path = freshPath();
    const first = await store.create(path, bytes("first"), CALL);
    await store.delete(path, first, CALL);
    const again = await store.create(path, bytes("again"), CALL);
    expect(again.created).not.toBe(first.created);
    expect(sameVersion(again, first)).toBe(false);
    await expectNoApparentSuccess(suite, path, first);
    const entry = await store.get(path, CALL);
    expect(entry?.version.created).toBe(again.created);
  });

  test("a record created again after a removal by hand is another one", async (context) => {
    const store = await suite.open();
    const { remove } = demand(context, suite.backend.removeRecord);
    const path = freshPath();
    const first = await store.create(path, bytes("first"), CALL);
    const second = await store.put(path, bytes("second"), first, CALL);
    await remove(path);
    expect(await store.get(path, CALL)).toBeUndefined();
    expect(await codeOf(store.put(path, bytes("x"), second, CALL))).toBe("RECORD_MISSING");
    const again = await store.create(path, bytes("again"), CALL);
    expect(again.created).not.toBe(first.created);
    await expectNoApparentSuccess(suite, path, first);
    await expectNoApparentSuccess(suite, path, second);
  });

  test("lists the direct children, and nothing for what does not exist", async () => {
    const store = await suite.open();
    const parent = freshPath("quarantine");
    expect(await store.list(parent, CALL)).toEqual([]);
    const agent = encodeURIComponent("agent 1/ä*(~)");
    await store.create(`${parent}/${agent}`, bytes("1"), CALL);
    const version = await store.create(`${parent}/agent-2`, bytes("2"), CALL);
    await store.create(`${parent}/deeper/than-that`, bytes("3"), CALL);
    expect([...(await store.list(parent, CALL))].sort()).toEqual([agent, "agent-2", "deeper"].sort());
    await store.delete(`${parent}/agent-2`, version, CALL);
    expect(await store.list(parent, CALL)).not.toContain("agent-2");
    const service = parent.split("/").slice(0, 2).join("/");
    expect(await store.list(service, CALL)).toEqual(["quarantine"]);
    expect(await store.list("services", CALL)).toContain(service.split("/")[1]);
  });

  test("takes the largest payload and refuses one byte more without effect", async () => {
    const store = await suite.open();
    const path = freshPath();
    const largest = new Uint8Array(store.recordBytesMax).fill(0x5a);
    const first = await store.create(path, largest, CALL);
    const second = await store.put(path, largest, first, CALL);
    const tooLarge = new Uint8Array(store.recordBytesMax + 1);
    expect(await codeOf(store.put(path, tooLarge, second, CALL))).toBe("RECORD_TOO_LARGE");
    expect(await codeOf(store.create(freshPath(), tooLarge, CALL))).toBe("RECORD_TOO_LARGE");
    const entry = await store.get(path, CALL);
    expect(entry?.version).toEqual(second);
    expect(Buffer.from(entry?.data ?? []).equals(Buffer.from(largest))).toBe(true);
  });

  test("a call with an aborted signal fails with the signal's reason and does nothing", async () => {
    const store = await suite.open();
    const path = freshPath();
    const reason = new Error("no longer wanted");
    const options = { ...CALL, signal: AbortSignal.abort(reason) };
    await expect(store.create(path, bytes("x"), options)).rejects.toBe(reason);
    await expect(store.get(path, options)).rejects.toBe(reason);
    expect(await store.get(path, CALL)).toBeUndefined();
  });
}

/** A write that expects a former creation is refused, or its answer shows that it hit another record. */
async function expectNoApparentSuccess(suite: Suite, path: string, former: StoreVersion): Promise<void> {
  const store = await suite.open();
  const attempt = await store.put(path, bytes("for the former record"), former, CALL).then(
    (version) => version.created,
    (error: { code?: string }) => error.code,
  );
  if (suite.backend.refusesFormerCreation) expect(attempt).toBe("VERSION_CONFLICT");
  else expect(attempt).not.toBe(former.created);
}
