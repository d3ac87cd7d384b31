import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "@holdfast/effects";
import type { StoreCall } from "./calls.js";
import type { AppendedVersion } from "./chain.js";
import { isErrno } from "./errors.js";
import { listIfThere, removeIfEmpty, writeDurably } from "./files.js";
import { createdIdentity, isIncarnationName, numberName, TEMPORARY_DIRECTORY } from "./names.js";
import { encodeVersion } from "./version-file.js";

const DIRECTORY_MODE = 0o750;

/**
 * Makes a record that has no directory yet. The directory is completed elsewhere and then renamed to its place;
 * rename(2) replaces no directory that has something in it, so of several creators one wins and nobody ever sees a
 * record without its first version.
 * @returns its `created` identity; undefined when a record is there: certainly no effect.
 */
export async function createIncarnation(
  call: StoreCall,
  recordPath: string,
  first: Omit<AppendedVersion, "created">,
): Promise<string | undefined> {
  const incarnation = randomUUID();
  const created = createdIdentity(incarnation, 0);
  const temporary = `${call.root}/${TEMPORARY_DIRECTORY}/${incarnation}`;
  const target = `${call.root}/${recordPath}`;
  await makeParents(call.root, dirname(recordPath));
  const directory = `${temporary}/${incarnation}`;
  try {
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    const version = { ...first, created, number: 0, nonce: randomUUID(), previous: null };
    await writeDurably(`${directory}/${numberName(0)}`, encodeVersion(version));
    await syncDirectory(directory);
    await syncDirectory(temporary);
    call.beginEffect();
    await rename(temporary, target);
  } catch (error) {
    if (!isErrno(error, "EIO")) call.effectRefused();
    await rm(temporary, { recursive: true, force: true });
    if (isErrno(error, "ENOTEMPTY", "EEXIST")) return undefined;
    throw error;
  }
  await syncDirectory(dirname(target));
  return created;
}

/** After a removal by hand an empty directory may be left, which would keep a new record from taking its place. */
export async function clearRemains(recordDirectory: string): Promise<void> {
  for (const name of (await listIfThere(recordDirectory)) ?? []) {
    if (isIncarnationName(name)) await removeIfEmpty(`${recordDirectory}/${name}`);
  }
}

/** Makes the directories above a record or a queue, and their names durable. */
export async function makeParents(root: string, relative: string): Promise<void> {
  let parent = root;
  for (const segment of relative.split("/")) {
    if (segment === ".") continue;
    const directory = `${parent}/${segment}`;
    try {
      await mkdir(directory, DIRECTORY_MODE);
      await syncDirectory(parent);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
    parent = directory;
  }
}
