import { chmodSync } from "node:fs";
import type { HoldfastError } from "@holdfast/core";
import { startZooKeeper, type ZooKeeperServer } from "@holdfast/testkit";
import zookeeper from "node-zookeeper-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { AclEntry } from "../src/zookeeper/acl.js";
import { ask, bytes, CALL, freshPath, outcome, Scene, text } from "./zookeeper/scene.js";

/* Who may do what: digest users, the chroot, and what findings say about it. */

const WRITER = "writer:a secret: with colons";
const ALL = 31;
const READ = 1;

let server: ZooKeeperServer;
let scene: Scene;

beforeAll(async () => {
  server = await startZooKeeper();
});
afterAll(() => server.dispose());
beforeEach(() => {
  scene = new Scene(server);
});
afterEach(() => scene.end());

async function aclOf(node: string): Promise<string[]> {
  const raw = await scene.rawClient(WRITER);
  const entries = await ask<AclEntry[]>((done) =>
    raw.getACL(node, (error, acls) => done(error, acls as unknown as AclEntry[])),
  );
  return entries.map(({ permission, id }) => `${id.scheme}:${id.id.split(":")[0]}:${permission}`);
}

const rejection = (call: Promise<unknown>): Promise<HoldfastError> =>
  call.then(
    () => Promise.reject(new Error("it was not refused")),
    (error: HoldfastError) => error,
  );

test("with a user, records and all above them belong to that user, and everybody may read", async () => {
  const store = await scene.open([server], { authFile: scene.secretFile(WRITER) });
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  const parents = [scene.chroot, scene.node("services"), scene.node(path.slice(0, path.lastIndexOf("/")))];
  for (const node of [scene.node(path), ...parents]) {
    expect(await aclOf(node), node).toEqual([`digest:writer:${ALL}`, `world:anyone:${READ}`]);
  }
  expect(await outcome(store.put(path, bytes("2"), version, CALL))).toBe("done");
  const ticket = await store.enqueue(freshPath("queue"), { run: "r", agent: "a", since: "" }, CALL);
  expect(await ticket.place(CALL)).toBe(0);
  expect((await store.findings(CALL)).map(({ code }) => code)).toEqual(["SINGLE_SERVER"]);
});

test("somebody without the password reads and changes nothing", async () => {
  const store = await scene.open([server], { authFile: scene.secretFile(WRITER) });
  const path = freshPath();
  const version = await store.create(path, bytes("1"), CALL);
  const raw = await scene.rawClient();
  const data = await ask<Buffer>((done) => raw.getData(scene.node(path), (error, content) => done(error, content)));
  expect(text(data)).toBe("1");
  for (const attempt of [
    ask((done) => raw.setData(scene.node(path), Buffer.from("x"), -1, (error) => done(error))),
    ask((done) => raw.remove(scene.node(path), -1, (error) => done(error))),
    ask((done) => raw.create(`${scene.node("services")}/mine`, Buffer.from("x"), (error) => done(error))),
  ]) {
    await expect(attempt).rejects.toMatchObject({ code: zookeeper.Exception.NO_AUTH });
  }
  expect((await store.get(path, CALL))?.version).toEqual(version);
});

test("records that are not for everybody are not read by everybody", async () => {
  const options = { authFile: scene.secretFile(WRITER), worldReadable: false };
  const store = await scene.open([server], options);
  const path = freshPath();
  await store.create(path, bytes("1"), CALL);
  expect(await aclOf(scene.node(path))).toEqual([`digest:writer:${ALL}`]);
  const raw = await scene.rawClient();
  await expect(ask((done) => raw.getData(scene.node(path), (error) => done(error)))).rejects.toMatchObject({
    code: zookeeper.Exception.NO_AUTH,
  });
});

test("a wrong password is refused at open, by a write, with a hint", async () => {
  await (await scene.open([server], { authFile: scene.secretFile(WRITER) })).create(freshPath(), bytes("1"), CALL);
  const error = await rejection(scene.store([server], { authFile: scene.secretFile("writer:wrong") }).open(CALL));
  expect(error.code).toBe("DENIED");
  expect(error.message).toContain(scene.node("services"));
  expect(error.hint).toContain("getAcl");
  expect(JSON.stringify([error.message, error.hint, error.detail])).not.toContain("wrong");
});

test("no password at all is refused in the same way", async () => {
  await scene.open([server], { authFile: scene.secretFile(WRITER) });
  expect((await rejection(scene.store([server]).open(CALL))).code).toBe("DENIED");
});

test("a server that refuses digest authentication is told apart from one that is away", async () => {
  const strict = await startZooKeeper({
    systemProperties: { "zookeeper.DigestAuthenticationProvider.enabled": "false" },
  });
  scene.defer(() => strict.dispose());
  const error = await rejection(scene.store([strict], { authFile: scene.secretFile(WRITER) }).open(CALL));
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("refuses digest")]);
});

test("a server that hashes passwords in another way is found out at open", async () => {
  const other = await startZooKeeper({
    systemProperties: { "zookeeper.DigestAuthenticationProvider.digestAlg": "SHA3-256" },
  });
  scene.defer(() => other.dispose());
  const error = await rejection(scene.store([other], { authFile: scene.secretFile(WRITER) }).open(CALL));
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("another identity")]);
  const raw = zookeeper.createClient(`${other.host}:${other.port}`);
  scene.defer(() => raw.close());
  await new Promise<void>((resolve) => {
    raw.once("connected", resolve);
    raw.connect();
  });
  // Nothing is left behind that nobody could use.
  expect(await ask((done) => raw.exists(scene.chroot, (failure, stat) => done(failure, stat)))).toBeNull();
});

test("permission to make and not to delete is found out at open", async () => {
  const raw = await scene.rawClient();
  const readAndCreate = new zookeeper.ACL(1 | 4, new zookeeper.Id("world", "anyone"));
  await ask((done) => raw.create(scene.chroot, Buffer.alloc(0), [readAndCreate], (error) => done(error)));
  const error = await rejection(scene.store([server]).open(CALL));
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("deleted")]);
});

test("without a user everything is open to everybody, and findings say so", async () => {
  const store = await scene.open([server]);
  const path = freshPath();
  await store.create(path, bytes("1"), CALL);
  expect(await aclOf(scene.node(path))).toEqual([`world:anyone:${ALL}`]);
  const findings = await store.findings(CALL);
  const writable = findings.filter(({ code }) => code === "WORLD_WRITABLE").map((finding) => finding.path);
  expect(writable).toEqual(["services", path]);
  expect(findings.every(({ message, fix }) => message !== "" && fix !== "")).toBe(true);
});

test("a record that everybody may read is a finding where that was not wanted", async () => {
  const authFile = scene.secretFile(WRITER);
  const path = freshPath();
  await (await scene.open([server], { authFile })).create(path, bytes("1"), CALL);
  const store = await scene.open([server], { authFile, worldReadable: false });
  const codes = (await store.findings(CALL)).map(({ code }) => code);
  expect(codes).toEqual(["SINGLE_SERVER", "WORLD_READABLE", "WORLD_READABLE"]);
});

test("a wrong chroot is unsuitable, the hint names it, and it is not made", async () => {
  const error = await rejection(scene.store([server], { createChroot: false }).open(CALL));
  expect(error.code).toBe("STORE_UNSUITABLE");
  expect(error.hint).toContain(scene.chroot);
  const raw = await scene.rawClient();
  expect(await ask((done) => raw.exists(scene.chroot, (failure, stat) => done(failure, stat)))).toBeNull();
});

test("a chroot of several segments is made when that is asked for, once", async () => {
  const chroot = `${scene.chroot}/deep/er`;
  await (await scene.open([server], { chroot })).create("services/x", bytes("1"), CALL);
  const again = await scene.open([server], { chroot, createChroot: false });
  expect(await again.list("services", CALL)).toEqual(["x"]);
  const parent = await scene.open([server], { createChroot: false });
  expect(await parent.list("deep", CALL)).toEqual(["er"]);
});

test("files that hold no credential are bad configuration, readable ones are denied", async () => {
  const open = (authFile: string) => outcome(scene.store([server], { authFile }).open(CALL));
  expect(await open("/nonexistent/auth")).toBe("BAD_CONFIGURATION");
  expect(await open(scene.secretFile("no colon"))).toBe("BAD_CONFIGURATION");
  const open644 = scene.secretFile(WRITER);
  chmodSync(open644, 0o644);
  expect(await open(open644)).toBe("DENIED");
});

test("the store's description and errors never contain the password", async () => {
  const store = scene.store([{ host: "127.0.0.1", port: 1 }], { authFile: scene.secretFile(WRITER) });
  const error = await rejection(store.open({ timeoutMs: 200 }));
  const shown = JSON.stringify([store.description, store.health(), error.message, error.hint, error.detail]);
  expect(shown).not.toContain("secret");
});
