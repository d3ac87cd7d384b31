import { parseMountinfo } from "@holdfast/core";
import { createFakeOp } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { sharedFsOptionsSchema } from "../options.js";
import { cutVolume } from "./cut.js";

const volume = { service: "orders-db", role: "data", mountPath: "/srv/orders-db", diskMiB: null, options: null };
const options = sharedFsOptionsSchema.parse({ source: "filer:/x", cutTimeoutMs: 200 });
const SERVERS = "NV SERVER   PORT USE HOSTNAME\nv4 0a000001  801   2 filer\nv4 0a000002  801   1 other\n";

function opWith(volumes: string, note: object | null) {
  const op = createFakeOp({ exec: () => ({}) });
  op.fileContents.set("/proc/self/net/nfsfs/servers", Buffer.from(SERVERS));
  op.fileContents.set("/proc/self/net/nfsfs/volumes", Buffer.from(`NV SERVER PORT DEV FSID FSC\n${volumes}`));
  if (note !== null) op.fileContents.set(`${op.workDirectory}/shared-fs-data.json`, Buffer.from(JSON.stringify(note)));
  return op;
}

const note = { device: "0:35", source: "filer:/x", address: "10.0.0.1" };
const OURS = "v4 0a000001  801 0:35  e6:96 no\n";
const ANOTHER = "v4 0a000001  801 0:36  e6:97 no\n";
const ELSEWHERE = "v4 0a000002  801 0:37  e6:98 no\n";

test("a kernel without that file system is a cut; closed connections are ended too", async () => {
  const op = opWith(ANOTHER + ELSEWHERE, note);
  expect(await cutVolume(op, volume, options)).toMatchObject({ kind: "cut" });
  expect(op.execCalls.map(({ command }) => command)).toEqual(["ss"]);
});

test("a kernel that still has it is none, and the sentence says what is left", async () => {
  const op = opWith(OURS, note);
  const result = cutVolume(op, volume, options);
  for (let step = 0; step < 10; step += 1) await op.clock.advance(50);
  expect(await result).toMatchObject({ kind: "incomplete", needsFence: expect.stringContaining("0:35") });
});

test("without a note of the device, any file system of the same server counts, and none of another's", async () => {
  expect(await cutVolume(opWith(ELSEWHERE, null), volume, options)).toMatchObject({ kind: "cut" });
  const op = opWith(ANOTHER, null);
  const result = cutVolume(op, volume, options);
  for (let step = 0; step < 10; step += 1) await op.clock.advance(50);
  expect(await result).toMatchObject({ kind: "incomplete" });
});

test("an operator's mount is cut by a sync that comes back, and by nothing else", async () => {
  const mounts = parseMountinfo("39 29 0:35 / /srv/orders-db rw - nfs4 filer:/x rw,vers=4.2,hard,local_lock=none");
  const synced = createFakeOp({ mounts, volumes: { "/srv/orders-db": {} } });
  expect(await cutVolume(synced, volume, options)).toMatchObject({ kind: "cut" });
  const failing = createFakeOp({ mounts });
  expect(await cutVolume(failing, volume, options)).toMatchObject({ kind: "incomplete" });
});
