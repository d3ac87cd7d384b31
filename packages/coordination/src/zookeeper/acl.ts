import { createHash } from "node:crypto";
import type { Secret } from "@holdfast/core";
import zookeeper, { type ACL } from "node-zookeeper-client";

/** As `getACL` returns it; the published types name the permission differently from the code. */
export interface AclEntry {
  readonly permission: number;
  readonly id: { readonly scheme: string; readonly id: string };
}

const { Permission } = zookeeper;

/**
 * What our nodes are created with. With authentication: everything for that user and, for status, reading for
 * everybody. Without: everything for everybody, which `findings` reports.
 *
 * The user is named outright (`digest:user:hash`) and not as "whoever I am" (`auth:`): with TLS the latter would also
 * admit whoever shows the same certificate without the password.
 */
export function recordAcl(auth: Secret | null, worldReadable: boolean): ACL[] {
  if (auth === null) return [acl(Permission.ALL, "world", "anyone")];
  const owner = acl(Permission.ALL, "digest", digestId(auth.reveal()));
  return worldReadable ? [owner, acl(Permission.READ, "world", "anyone")] : [owner];
}

/** Whether everybody may do more than read. */
export function isWorldWritable(entries: readonly AclEntry[]): boolean {
  return (worldPermissions(entries) & ~Permission.READ) !== 0;
}

export function isWorldReadable(entries: readonly AclEntry[]): boolean {
  return (worldPermissions(entries) & Permission.READ) !== 0;
}

function worldPermissions(entries: readonly AclEntry[]): number {
  return entries
    .filter(({ id }) => id.scheme === "world" && id.id === "anyone")
    .reduce((permissions, { permission }) => permissions | permission, 0);
}

/** `user:base64(sha1(user:password))`, as `DigestAuthenticationProvider` makes it from what the client sends. */
function digestId(credential: string): string {
  const user = credential.slice(0, credential.indexOf(":"));
  return `${user}:${createHash("sha1").update(credential).digest("base64")}`;
}

function acl(permission: number, scheme: string, id: string): ACL {
  return new zookeeper.ACL(permission, new zookeeper.Id(scheme, id));
}
