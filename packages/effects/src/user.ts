import { readFile } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, without the primary one. */
  readonly groups: readonly number[];
}

/**
 * Resolves `user[:group]`, names or numbers, from /etc/passwd and /etc/group: the files that a container has, without
 * name services that could hang.
 * @throws `INVALID_SPEC`.
 */
export async function resolveUser(spec: string, etc = "/etc"): Promise<UserIds> {
  const [userName = "", groupName] = spec.split(":", 2);
  const passwd = parseTable(await readFile(`${etc}/passwd`, "utf8"));
  const group = parseTable(await readFile(`${etc}/group`, "utf8"));
  const numeric = /^[0-9]+$/;
  const user =
    passwd.find((fields) => fields[0] === userName) ??
    passwd.find((fields) => numeric.test(userName) && fields[2] === userName);
  const uid = user?.[2] ?? (numeric.test(userName) ? userName : undefined);
  const named = groupName === undefined ? undefined : group.find((fields) => fields[0] === groupName)?.[2];
  const gid = groupName === undefined ? user?.[3] : (named ?? (numeric.test(groupName) ? groupName : undefined));
  if (uid === undefined || gid === undefined) {
    const what = uid === undefined ? `user "${userName}"` : `group "${groupName ?? ""}"`;
    throw new HoldfastError("INVALID_SPEC", `There is no ${what} here.`, {
      hint: "Give a name from /etc/passwd, or user:group as numbers.",
    });
  }
  const groups = group
    .filter((fields) => (fields[3] ?? "").split(",").includes(user?.[0] ?? "\0"))
    .map((fields) => Number(fields[2]));
  return { uid: Number(uid), gid: Number(gid), groups: groups.filter((g) => g !== Number(gid)) };
}

function parseTable(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
