import type { MountEntry } from "@holdfast/core";
import { expect, test } from "vitest";
import { clientCommand, isClient, isMountOf } from "./client.js";
import { glusterfsOptionsSchema } from "./options.js";

const options = glusterfsOptionsSchema.parse({
  type: "glusterfs",
  servers: ["a", "b"],
  volume: "v1",
  subdirectory: "/orders",
});
const volume = { service: "orders", role: "data", mountPath: "/srv/orders", diskMiB: null, options };
const place = { mountPath: volume.mountPath, workDirectory: "/run/x", name: "orders-data" };
const mount = (fsType: string, source: string) => ({ fsType, source }) as MountEntry;

test("names every server, stays in the foreground, ends with the mount path", () => {
  const { kind, program, args } = clientCommand(volume, place);
  expect([kind, program, args[0], args.at(-1)]).toEqual(["daemon", "glusterfs", "-N", "/srv/orders"]);
  expect(args).toEqual(expect.arrayContaining(["--volfile-server=a", "--volfile-server=b", "--subdir-mount=/orders"]));
});

test("knows its own client again, and no other", () => {
  const { program, args } = clientCommand(volume, place);
  expect(isClient(volume, [`/usr/sbin/${program}`, ...args])).toBe(true);
  expect(isClient({ ...volume, mountPath: "/srv/other" }, [program, ...args])).toBe(false);
  expect(isClient({ ...volume, options: { ...options, volume: "v2" } }, [program, ...args])).toBe(false);
  expect(isClient(volume, ["grep", ...args])).toBe(false);
  expect(isClient(volume, [])).toBe(false);
});

test("knows its own mount by volume and subdirectory, from whichever server", () => {
  expect(isMountOf(options, mount("fuse.glusterfs", "b:v1/orders"))).toBe(true);
  expect(isMountOf(options, mount("fuse.glusterfs", "b:/v1/orders"))).toBe(true);
  expect(isMountOf(options, mount("fuse.glusterfs", "b:v1"))).toBe(false);
  expect(isMountOf(options, mount("fuse.glusterfs", "b:v1/orders2"))).toBe(false);
  expect(isMountOf(options, mount("nfs4", "b:v1/orders"))).toBe(false);
});
