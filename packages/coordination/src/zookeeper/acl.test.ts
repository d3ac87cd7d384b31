import { makeSecret } from "@holdfast/effects";
import { expect, test } from "vitest";
import { type AclEntry, isWorldReadable, isWorldWritable, recordAcl } from "./acl.js";

const entry = (permission: number, scheme = "world", id = "anyone"): AclEntry => ({ permission, id: { scheme, id } });

test("names the digest user by the hash that ZooKeeper computes", () => {
  // zkCli.sh: DigestAuthenticationProvider.generateDigest("super:superpw")
  const [owner] = recordAcl(makeSecret("super:superpw"), false) as unknown as AclEntry[];
  expect(owner?.id).toMatchObject({ scheme: "digest", id: "super:g9oN2HttPfn8MMWJZ2r45Np/LIA=" });
});

test("gives everybody nothing, reading, or everything", () => {
  const acl = (auth: boolean, readable: boolean) =>
    recordAcl(auth ? makeSecret("a:b") : null, readable) as unknown as AclEntry[];
  expect([isWorldReadable(acl(true, false)), isWorldWritable(acl(true, false))]).toEqual([false, false]);
  expect([isWorldReadable(acl(true, true)), isWorldWritable(acl(true, true))]).toEqual([true, false]);
  expect([isWorldReadable(acl(false, false)), isWorldWritable(acl(false, false))]).toEqual([true, true]);
});

test.each([2, 4, 8, 16])("permission %i for everybody is more than reading", (permission) => {
  expect(isWorldWritable([entry(permission | 1), entry(31, "digest", "a:b")])).toBe(true);
  expect(isWorldWritable([entry(1), entry(permission, "digest", "a:b")])).toBe(false);
});
