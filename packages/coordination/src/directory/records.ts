import { HoldfastError, type Logger, type StoreEntry, type StoreVersion, sameVersion } from "@holdfast/core";
import type { StoreCall } from "./calls.js";
import { append, type Chain, chainAt, collect, isCollectionDue, isReal, readNewest, readVersion } from "./chain.js";
import { isSystemError } from "./errors.js";
import { listIfThere } from "./files.js";
import { clearRemains, createIncarnation } from "./incarnation.js";
import {
  childOf,
  childrenDirectory,
  createdIdentity,
  incarnationOf,
  MARKER_NAME,
  recordDirectory,
  TEMPORARY_DIRECTORY,
} from "./names.js";
import { judgeOwner, type Owner } from "./owner.js";
import type { Version } from "./version-file.js";

export interface RecordContext {
  readonly self: Owner;
  readonly logger: Logger | undefined;
}

/** A deleted record, or one whose owner ended, is there only for its numbering. */
export function isLive(version: Version, context: RecordContext): boolean {
  if (version.kind === "tombstone") return false;
  return version.owner === null || judgeOwner(version.owner, context.self) !== "gone";
}

const versionOf = ({ created, number }: Version): StoreVersion => ({ created, number });

export async function getRecord(
  call: StoreCall,
  context: RecordContext,
  path: string,
): Promise<StoreEntry | undefined> {
  const newest = await readNewest(call, recordDirectory(path));
  if (newest === undefined || !isLive(newest.version, context)) return undefined;
  return { data: newest.version.data, version: versionOf(newest.version) };
}

/** @throws `RECORD_EXISTS`. */
export async function createRecord(
  call: StoreCall,
  context: RecordContext,
  path: string,
  data: Uint8Array,
  owner: Owner | null,
): Promise<StoreVersion> {
  const recordPath = recordDirectory(path);
  // Whoever came in between either made the record, which ends this, or deleted it again. Bounded by the call's time.
  for (;;) {
    const newest = await readNewest(call, recordPath);
    if (newest === undefined) {
      const created = await createIncarnation(call, recordPath, { kind: "record", owner, data });
      if (created !== undefined) return { created, number: 0 };
      await clearRemains(`${call.root}/${recordPath}`);
      continue;
    }
    const { chain, version } = newest;
    if (isLive(version, context)) {
      throw new HoldfastError("RECORD_EXISTS", `${path} exists.`, {
        hint: "Read it and decide again.",
        detail: { path, found: versionOf(version) },
      });
    }
    const created = createdIdentity(chain.incarnation, version.number + 1);
    const number = await append(call, chain, version, { kind: "record", created, owner, data });
    if (number !== undefined) return { created, number };
  }
}

/** @throws `VERSION_CONFLICT`, `RECORD_MISSING`. */
export async function putRecord(
  call: StoreCall,
  context: RecordContext,
  path: string,
  data: Uint8Array,
  expected: StoreVersion,
): Promise<StoreVersion> {
  const found = await findExpected(call, context, path, expected);
  if (found !== undefined) {
    const { chain, version } = found;
    const { created, owner } = version;
    const number = await append(call, chain, version, { kind: "record", created, owner, data });
    if (number !== undefined) {
      if (isCollectionDue(number)) await collectQuietly(chain, number, context);
      return { created, number };
    }
  }
  const current = await getRecord(call, context, path);
  throw current === undefined ? missing(path) : conflict(path, expected, current.version);
}

/** @throws `VERSION_CONFLICT`. */
export async function deleteRecord(
  call: StoreCall,
  context: RecordContext,
  path: string,
  expected: StoreVersion,
): Promise<void> {
  const found = await findExpected(call, context, path, expected);
  if (found !== undefined) {
    const { chain, version } = found;
    const { created } = version;
    const tombstone = { kind: "tombstone", created, owner: null, data: new Uint8Array() } as const;
    if ((await append(call, chain, version, tombstone)) !== undefined) return;
  }
  const current = await getRecord(call, context, path);
  if (current !== undefined) throw conflict(path, expected, current.version);
}

/** The version that a write expects, if it is still there to be followed. */
async function findExpected(
  call: StoreCall,
  context: RecordContext,
  path: string,
  expected: StoreVersion,
): Promise<{ readonly chain: Chain; readonly version: Version } | undefined> {
  const incarnation = incarnationOf(expected.created);
  if (incarnation === undefined) return undefined;
  const chain = chainAt(call, recordDirectory(path), incarnation);
  const version = await readVersion(chain, expected.number);
  if (version === undefined || !sameVersion(versionOf(version), expected) || !isLive(version, context))
    return undefined;
  return (await isReal(chain, version)) ? { chain, version } : undefined;
}

/** The write has succeeded; whatever hinders the collection will meet the next one too, and is said. */
async function collectQuietly(chain: Chain, newest: number, context: RecordContext): Promise<void> {
  try {
    await collect(chain, newest);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    context.logger?.log("warn", "old versions of a record could not be removed", {
      directory: chain.shown,
      errno: error.code,
    });
  }
}

export async function listRecords(call: StoreCall, context: RecordContext, path: string): Promise<string[]> {
  const relative = path === "" ? "." : childrenDirectory(path);
  const names = new Set<string>();
  for (const entry of (await listIfThere(`${call.root}/${relative}`)) ?? []) {
    if (relative === "." && (entry === TEMPORARY_DIRECTORY || entry.startsWith(MARKER_NAME))) continue;
    const { name, isRecord } = childOf(entry);
    if (names.has(name)) continue;
    const childPath = path === "" ? name : `${path}/${name}`;
    if (!isRecord || (await getRecord(call, context, childPath)) !== undefined) names.add(name);
  }
  return [...names].sort();
}

function missing(path: string): HoldfastError {
  return new HoldfastError("RECORD_MISSING", `${path} does not exist.`, {
    hint: "A holder stops; a candidate creates it, held by nobody.",
    detail: { path },
  });
}

function conflict(path: string, expected: StoreVersion, found: StoreVersion): HoldfastError {
  return new HoldfastError("VERSION_CONFLICT", `${path} changed since it was read.`, {
    hint: "Read it and decide again.",
    detail: { path, expected, found },
  });
}
