import { randomUUID } from "node:crypto";
import { link } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import { syncDirectory } from "@holdfast/effects";
import type { StoreCall } from "./calls.js";
import { isErrno } from "./errors.js";
import { exists, listIfThere, readBeginning, readIfThere, removeFile, writeDurably } from "./files.js";
import { isIncarnationName, numberName, parseNumberName, TEMPORARY_DIRECTORY } from "./names.js";
import { decodeNonce, decodeVersion, encodeVersion, HEADER_BYTES_MAX, type Version } from "./version-file.js";

/*
 * Compare-and-set with nothing but link(2), and why it is one.
 *
 * The versions of a record are files named by their number in the directory of its incarnation. Version n + 1 is
 * written by linking a complete file to that name, which fails when the name exists: of all who expect n, one wins.
 * There is no lock, so a writer that is stopped anywhere blocks nobody.
 *
 * Old versions must be collected, and then the name alone proves nothing: a writer that read n, slept while n and
 * n + 1 were collected, and then links n + 1, succeeds although its write is void (a "stray"). Call a file *real*
 * when it is the first that ever bore its number; every other is a stray. Four rules make the real ones known:
 *
 * R1. A number k is removed only if the record is far beyond it (KEEP_VERSIONS), and only right after the real
 *     k - 1 was seen to be gone. So versions go in ascending order: where k was removed, k - 1 had been before.
 * R2. Every file carries a nonce of its own and the nonce of the real file that its writer expected; a nonce is
 *     linked at most once, so a file that was removed never comes back.
 * R3. After linking n + 1 the writer looks whether n, with the nonce that it read, is still there. If so, n was
 *     there all the time, so by R1 no n + 1 was ever removed before; there was none when it was linked: it is real,
 *     and nobody else's write to n can be. If n is gone, the writer cannot tell a stray from a write that was
 *     followed by many others: UNKNOWN_OUTCOME.
 * R4. A reader takes a file h for the present version if h + 1 is absent and *afterwards* h - 1 is there with the
 *     nonce that h names. Then by R1 neither h nor h + 1 was ever removed: h is real, and at the moment of the look
 *     at h + 1 it was the newest. (0 has nothing before it; no write links 0, so it is real while it exists.)
 *
 * Induction over the numbers: a real file's writer read a real predecessor by R4. The list of names serves only to
 * find a candidate for h, so it does not matter that reading a directory is no atomic snapshot.
 *
 * The incarnation's name is random. A record that was removed by hand and created again lies in another directory,
 * and a write that expects the old one finds no place to link to.
 */

/** How many versions stay readable: what a slow reader or writer may fall behind before it must start again. */
const KEEP_VERSIONS = 64;
/** Collection is done by the writer of every sixteenth version. */
const COLLECT_EVERY = 16;
/** Largest payload. */
export const RECORD_BYTES_MAX = 1_000_000;
const FILE_BYTES_MAX = RECORD_BYTES_MAX + HEADER_BYTES_MAX;
/** How often, and how far apart, a reader looks before it calls a record damaged that is perhaps just being removed. */
const LOOKS_MAX = 10;
const LOOK_AGAIN_MS = 20;

/** A record's incarnation: where its versions are. */
export interface Chain {
  readonly incarnation: string;
  /** The directory of its versions, within this call. */
  readonly directory: string;
  /** The same for messages. */
  readonly shown: string;
}

/** @param recordPath - The record's directory, relative to the root. */
export const chainAt = (call: StoreCall, recordPath: string, incarnation: string): Chain => ({
  incarnation,
  directory: `${call.root}/${recordPath}/${incarnation}`,
  shown: `${call.shownRoot}/${recordPath}/${incarnation}`,
});

const fileOf = (chain: Chain, number: number) => `${chain.directory}/${numberName(number)}`;

/**
 * The newest version (rule R4). Undefined when there is no record: no directory, or one without any version in it,
 * as after a removal by hand.
 * @throws `RECORD_INVALID`.
 */
export async function readNewest(
  call: StoreCall,
  recordPath: string,
): Promise<{ readonly chain: Chain; readonly version: Version } | undefined> {
  let before: number | undefined;
  let looksInVain = 0;
  for (;;) {
    const chain = await findChain(call, recordPath);
    const newest = chain === undefined ? undefined : await highestNumber(chain);
    if (chain === undefined || newest === undefined) return undefined;
    const version = await followToNewest(chain, newest);
    if (version !== undefined) return { chain, version };
    // While the record moves on, it was the collection that passed by; else somebody removes it, or has removed a part.
    looksInVain = newest === before ? looksInVain + 1 : 0;
    before = newest;
    if (looksInVain === LOOKS_MAX) {
      throw new HoldfastError("RECORD_INVALID", `Versions are missing before ${chain.shown}/${numberName(newest)}.`, {
        hint: "Somebody removed files of this record. Remove its directory as a whole, or restore it as a whole.",
      });
    }
    if (looksInVain > 0) await sleep(LOOK_AGAIN_MS);
  }
}

async function findChain(call: StoreCall, recordPath: string): Promise<Chain | undefined> {
  const incarnations = (await listIfThere(`${call.root}/${recordPath}`))?.filter(isIncarnationName) ?? [];
  const [incarnation, another] = incarnations;
  if (another !== undefined) {
    throw new HoldfastError("RECORD_INVALID", `${call.shownRoot}/${recordPath} holds two records.`, {
      hint: "Somebody copied files into it. Remove what does not belong there.",
    });
  }
  return incarnation === undefined ? undefined : chainAt(call, recordPath, incarnation);
}

async function highestNumber(chain: Chain): Promise<number | undefined> {
  return (await listNumbers(chain)).at(-1);
}

async function listNumbers(chain: Chain): Promise<number[]> {
  const names = (await listIfThere(chain.directory)) ?? [];
  return names
    .map(parseNumberName)
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
}

/** Undefined when the files that were there are no longer, or do not fit together: look again. */
async function followToNewest(chain: Chain, from: number): Promise<Version | undefined> {
  for (let number = from; ; number += 1) {
    const version = await readVersion(chain, number);
    if (version === undefined) return undefined;
    if (await exists(fileOf(chain, number + 1))) continue;
    return (await isReal(chain, version)) ? version : undefined;
  }
}

/** Undefined when there is no such file. */
export async function readVersion(chain: Chain, number: number): Promise<Version | undefined> {
  const shown = `${chain.shown}/${numberName(number)}`;
  const content = await readIfThere(fileOf(chain, number), FILE_BYTES_MAX, shown);
  return content === undefined ? undefined : decodeVersion(content, chain.incarnation, number, shown);
}

/** Whether a version that was just read is real, as far as that can still be proven (R4). */
export async function isReal(chain: Chain, version: Version): Promise<boolean> {
  if (version.previous === null) return exists(fileOf(chain, version.number));
  return isThere(chain, version.number - 1, version.previous);
}

async function isThere(chain: Chain, number: number, nonce: string): Promise<boolean> {
  const beginning = await readBeginning(fileOf(chain, number), HEADER_BYTES_MAX);
  return beginning !== undefined && decodeNonce(beginning) === nonce;
}

export type AppendedVersion = Pick<Version, "kind" | "created" | "owner" | "data">;

/**
 * Writes the version after `expected`, which must be real. Durable when it resolves: the file before it was linked,
 * its name before this returns.
 * @returns the new number; undefined when somebody else wrote it or the record is gone: certainly no effect.
 * @throws `UNKNOWN_OUTCOME`.
 */
export async function append(
  call: StoreCall,
  chain: Chain,
  expected: Version,
  next: AppendedVersion,
): Promise<number | undefined> {
  const number = expected.number + 1;
  const nonce = randomUUID();
  const temporary = `${call.root}/${TEMPORARY_DIRECTORY}/${nonce}`;
  try {
    await writeDurably(temporary, encodeVersion({ ...next, number, nonce, previous: expected.nonce }));
    call.beginEffect();
    await link(temporary, fileOf(chain, number));
  } catch (error) {
    // EIO alone leaves open whether the directory was changed.
    if (!isErrno(error, "EIO")) call.effectRefused();
    if (isErrno(error, "EEXIST")) return undefined;
    if (isErrno(error, "ENOENT") && (await exists(temporary))) return undefined;
    throw error;
  } finally {
    await removeFile(temporary);
  }
  if (!(await isThere(chain, expected.number, expected.nonce))) {
    // Void or long superseded, never the newest; its predecessor was just seen to be gone, so R1 permits removing it.
    await removeFile(fileOf(chain, number));
    throw new HoldfastError("UNKNOWN_OUTCOME", `Version ${number} was written, but ${expected.number} is gone.`, {
      hint: "This process was stopped while the record went on, or somebody removes it. Read it again.",
      retryable: true,
    });
  }
  await syncDirectory(chain.directory);
  return number;
}

export const isCollectionDue = (number: number) => number % COLLECT_EVERY === 0;

/** Removes versions that nobody needs (R1). May be stopped anywhere and run by several at once. */
export async function collect(chain: Chain, newest: number): Promise<void> {
  const old = (await listNumbers(chain)).filter((number) => number <= newest - KEEP_VERSIONS);
  let removed: number | undefined;
  for (const number of old) {
    if (removed !== number - 1) await collectBefore(chain, number);
    await removeFile(fileOf(chain, number));
    removed = number;
  }
}

/** Removes what the list did not show before `number`, so that `number - 1` is known to be absent. */
async function collectBefore(chain: Chain, number: number): Promise<void> {
  let lowest = number;
  while (lowest > 0 && (await exists(fileOf(chain, lowest - 1)))) lowest -= 1;
  for (let missed = lowest; missed < number; missed += 1) await removeFile(fileOf(chain, missed));
}
