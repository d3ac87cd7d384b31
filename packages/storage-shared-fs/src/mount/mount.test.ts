import { HoldfastError, parseMountinfo } from "@holdfast/core";
import { expect, test } from "vitest";
import { sharedFsOptionsSchema } from "../options.js";
import { explainMountFailure } from "./explain-failure.js";
import { judgeMount } from "./judge-mount.js";
import { mountCommand, nfsMountOptions } from "./mount-options.js";
import { parseSource, sameSource } from "./source.js";

const options = sharedFsOptionsSchema.parse({ source: "filer:/exports/orders-db" });
const mounts = (superOptions: string, { fsType = "nfs4", source = "filer:/exports/orders-db", flags = "rw" } = {}) =>
  parseMountinfo(`39 29 0:35 / /srv/orders-db ${flags},relatime - ${fsType} ${source} ${superOptions}`);
const judge = (...entry: Parameters<typeof mounts>) => judgeMount(mounts(...entry), "/srv/orders-db", options);

test("the mount command is hard, uncached between volumes, and does not go on in the background", () => {
  expect(mountCommand(options, "/srv/orders-db").join(" ")).toBe(
    "mount -t nfs4 -o vers=4.2,proto=tcp,hard,timeo=50,retrans=2,retry=0,nosharecache,local_lock=none,nosuid,nodev filer:/exports/orders-db /srv/orders-db",
  );
  const three = sharedFsOptionsSchema.parse({ type: "nfs3", source: "filer:/x", syncWrites: true, port: 2050 });
  expect(nfsMountOptions(three)).toEqual(expect.arrayContaining(["vers=3", "nolock", "sync", "port=2050"]));
});

test("an operator's times win, and options that weaken the promise are refused with the reason", () => {
  const given = sharedFsOptionsSchema.parse({ source: "filer:/x", mountOptions: ["timeo=600", "sec=krb5p"] });
  expect(nfsMountOptions(given).filter((option) => option.startsWith("timeo"))).toEqual(["timeo=600"]);
  for (const unsafe of [
    "soft",
    "softerr",
    "softreval",
    "local_lock=flock",
    "nolock",
    "bg",
    "ro",
    "sharecache",
    "vers=3",
  ]) {
    const parsed = sharedFsOptionsSchema.safeParse({ source: "filer:/x", mountOptions: [unsafe] });
    expect(parsed.success, unsafe).toBe(false);
  }
  expect(sharedFsOptionsSchema.safeParse({ source: "filer:/x", mountOptions: ["a,soft"] }).success).toBe(false);
});

test("the mount is judged by what the kernel says of it", () => {
  expect(judgeMount([], "/srv/orders-db", options)).toEqual({ kind: "absent" });
  expect(judge("rw,vers=4.2,hard,local_lock=none")).toMatchObject({
    kind: "right",
    locking: "cross-agent",
    unsafe: [],
  });
  expect(judge("rw,vers=4.2,hard,local_lock=flock")).toMatchObject({ kind: "right", locking: "local-only" });
  expect(judge("rw,vers=4.0,soft,local_lock=none")).toMatchObject({
    unsafe: [expect.stringContaining("soft"), expect.stringContaining("4.0")],
  });
  expect(judge("ro,vers=4.2,hard")).toMatchObject({ code: "VOLUME_READ_ONLY" });
  expect(judge("rw,vers=4.2,hard", { flags: "ro" })).toMatchObject({ code: "VOLUME_READ_ONLY" });
  expect(judge("rw,vers=4.2,hard", { source: "filer:/exports/other" })).toMatchObject({ code: "IDENTITY_MISMATCH" });
  expect(judge("rw", { fsType: "ext4", source: "/dev/sda1" })).toMatchObject({ code: "IDENTITY_MISMATCH" });
  expect(judge("rw,vers=3,hard,local_lock=all", { fsType: "nfs" })).toMatchObject({ code: "INCOMPATIBLE" });
});

test("of several mounts at one path the last one counts, as it covers the others", () => {
  const both = [...mounts("rw,vers=4.2,hard"), ...mounts("rw,vers=4.2,hard", { source: "filer:/exports/other" })];
  expect(judgeMount(both, "/srv/orders-db", options)).toMatchObject({ kind: "wrong" });
});

test("sources are compared as what they name", () => {
  expect(parseSource("[2001:db8::1]:/x")).toEqual({ host: "2001:db8::1", path: "/x" });
  expect(parseSource("/dev/sda1")).toBeNull();
  expect(sameSource("Filer:/exports//x/", "filer:/exports/x")).toBe(true);
  expect(sameSource("filer:/", "filer:/exports")).toBe(false);
});

test.each([
  ["mount.nfs4: access denied by server while mounting filer:/x", "DENIED"],
  ["mount.nfs4: mounting filer:/x failed, reason given by server: No such file or directory", "NOT_FOUND"],
  ["mount.nfs4: Connection timed out", "BUSY"],
  ["mount.nfs4: Protocol not supported", "INCOMPATIBLE"],
  ["something else", "INTERNAL"],
])("%s is %s", (stderr, code) => {
  const error = new HoldfastError("INTERNAL", "mount failed", { hint: "", detail: { stderr } });
  expect(explainMountFailure(error, "filer:/x")).toMatchObject({ code });
});
