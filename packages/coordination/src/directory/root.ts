import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import { isErrno, isSystemError } from "./errors.js";
import { MARKER_NAME } from "./names.js";

/** What `open` learnt about the store; later calls must find the same. */
export interface StoreIdentity {
  readonly storeId: string;
  /** Of the marker file: tells cheaply that it is still the one that was read. */
  readonly inode: number;
  readonly device: number;
}

/** The root for the length of one call. */
export interface AnchoredRoot {
  /** A path that goes on meaning the same directory whatever happens to the name it was opened by. */
  readonly path: string;
  release(): Promise<void>;
}

const MARKER_FORMAT = 1;

/**
 * Opens the root anew, since its path may lead through a symbolic link or a mount point that was changed, and
 * holds it open for the call, so that every path of the call means the same directory: an unmount in the middle
 * of a call must not look like a missing record.
 * @throws `STORE_UNREACHABLE` when the root is not there or is not the store that was opened.
 */
export async function anchorRoot(directory: string, identity: StoreIdentity): Promise<AnchoredRoot> {
  let handle: FileHandle;
  try {
    handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw away(directory, isSystemError(error) ? `it cannot be opened (${error.code})` : undefined, error);
  }
  const path = `/proc/self/fd/${handle.fd}`;
  try {
    await assertSameStore(path, directory, identity);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { path, release: () => handle.close() };
}

async function assertSameStore(path: string, directory: string, identity: StoreIdentity): Promise<void> {
  let marker: Stats;
  try {
    marker = await stat(`${path}/${MARKER_NAME}`);
    if (marker.ino === identity.inode && marker.dev === identity.device) return;
    if ((await readMarker(`${path}/${MARKER_NAME}`)) === identity.storeId) return;
  } catch (error) {
    throw away(directory, isSystemError(error) ? `its ${MARKER_NAME} is not there (${error.code})` : undefined, error);
  }
  throw away(directory, "another store is there now");
}

/** @param why - Undefined for errors that are none of the file system's; those pass as they are. */
function away(directory: string, why: string | undefined, cause?: unknown): unknown {
  if (why === undefined) return cause;
  return new HoldfastError("STORE_UNREACHABLE", `The store ${directory} is not reachable: ${why}.`, {
    hint: "Is it mounted, and does a symbolic link on the way lead to the right place?",
    retryable: true,
    detail: { directory },
    cause,
  });
}

/**
 * The store's id; undefined when there is no marker.
 * @throws `STORE_UNSUITABLE` when the marker is not one, or of a format this program does not know.
 */
export async function readMarker(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  const { v, storeId } = parseObject(text);
  if (v !== MARKER_FORMAT || typeof storeId !== "string") {
    throw new HoldfastError("STORE_UNSUITABLE", `${MARKER_NAME} is damaged or of a newer format (${String(v)}).`, {
      hint: "Use the version of Holdfast that made the store, or another directory.",
    });
  }
  return storeId;
}

export const encodeMarker = (storeId: string) => `${JSON.stringify({ v: MARKER_FORMAT, storeId })}\n`;

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
