import { randomUUID } from "node:crypto";
import { link, lstat, mkdir, readdir, rm, stat, statfs } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { HoldfastError, type StoreFinding } from "@holdfast/core";
import { syncDirectory } from "@holdfast/effects";
import { isErrno, isSystemError } from "./errors.js";
import { type FileSystemJudgement, judgeFileSystem } from "./file-system-type.js";
import { listIfThere, removeFile, writeDurably } from "./files.js";
import { MARKER_NAME, TEMPORARY_DIRECTORY } from "./names.js";
import { encodeMarker, readMarker, type StoreIdentity } from "./root.js";

const ROOT_MODE = 0o750;
/** No write takes this long; what is older was left by a process that died. */
const LEFT_BEHIND_MS = 3_600_000;

/**
 * Finds the store in a directory, or makes one where nothing is, and writes a file there, which is the only test of
 * permissions.
 * @throws `STORE_UNSUITABLE`, `DENIED`, `BAD_CONFIGURATION`; other failures as they come.
 */
export async function openRoot(directory: string, signal: AbortSignal): Promise<StoreIdentity> {
  if (!isAbsolute(directory)) {
    throw new HoldfastError(
      "BAD_CONFIGURATION",
      `The store's directory ${JSON.stringify(directory)} is not absolute.`,
      {
        hint: "Write dir:///absolute/path.",
      },
    );
  }
  try {
    await judge(await nearestExisting(directory));
    signal.throwIfAborted();
    await makeRoot(directory);
    await judge(directory);
    const storeId = (await readMarker(`${directory}/${MARKER_NAME}`)) ?? (await makeMarker(directory, signal));
    const { ino, dev } = await stat(`${directory}/${MARKER_NAME}`);
    signal.throwIfAborted();
    await probeWrite(directory);
    await sweepTemporary(directory);
    return { storeId, inode: ino, device: dev };
  } catch (error) {
    if (!isErrno(error, "EACCES", "EPERM")) throw error;
    throw new HoldfastError("DENIED", `This user may not write to the store ${directory} (${error.code}).`, {
      hint: "Look at owner and mode of the directory and of those above it.",
      detail: { directory, errno: error.code, syscall: error.syscall },
      cause: error,
    });
  }
}

async function judge(directory: string): Promise<FileSystemJudgement> {
  return judgeFileSystem(directory, (await statfs(directory)).type);
}

async function nearestExisting(directory: string): Promise<string> {
  try {
    await stat(directory);
    return directory;
  } catch (error) {
    if (!isErrno(error, "ENOENT") || directory === "/") throw error;
  }
  const link = await lstat(directory).catch((error: unknown) => {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  });
  if (link !== undefined) {
    throw new HoldfastError("STORE_UNREACHABLE", `${directory} is a symbolic link that leads nowhere.`, {
      hint: "Is what it points to mounted?",
      retryable: true,
    });
  }
  return nearestExisting(dirname(directory));
}

async function makeRoot(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: ROOT_MODE });
  } catch (error) {
    if (!isErrno(error, "EEXIST", "ENOTDIR")) throw error;
    throw new HoldfastError("STORE_UNSUITABLE", `${directory} is not a directory.`, { hint: "Name another place." });
  }
}

/** Of several processes that do this at the same time one makes the marker, and all read it. */
async function makeMarker(directory: string, signal: AbortSignal): Promise<string> {
  const foreign = (await readdir(directory)).filter(
    (name) => !name.startsWith(MARKER_NAME) && name !== TEMPORARY_DIRECTORY,
  );
  const marker = `${directory}/${MARKER_NAME}`;
  const [found] = foreign;
  if (found !== undefined) {
    // Another process may have made the store since the marker was looked for.
    const storeId = await readMarker(marker);
    if (storeId !== undefined) return storeId;
    throw new HoldfastError("STORE_UNSUITABLE", `${directory} is no store, and not empty (${found}).`, {
      hint: "Name an empty or new directory. If it was a store, its holdfast-store.json was lost: restore it.",
      detail: { directory, found },
    });
  }
  const temporary = `${marker}.${randomUUID()}`;
  try {
    signal.throwIfAborted();
    await writeDurably(temporary, Buffer.from(encodeMarker(randomUUID())));
    await link(temporary, marker);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    await removeFile(temporary);
  }
  await syncDirectory(directory);
  await syncDirectory(dirname(directory));
  const storeId = await readMarker(marker);
  if (storeId !== undefined) return storeId;
  throw new HoldfastError("STORE_UNREACHABLE", `The store ${directory} was removed while it was opened.`, {
    hint: "Open it again.",
    retryable: true,
  });
}

async function probeWrite(directory: string): Promise<void> {
  const temporary = `${directory}/${TEMPORARY_DIRECTORY}`;
  await mkdir(temporary, { recursive: true, mode: ROOT_MODE });
  const probe = `${temporary}/${randomUUID()}`;
  try {
    await writeDurably(probe, Buffer.from("probe\n"));
    await link(probe, `${probe}-linked`);
  } finally {
    await removeFile(`${probe}-linked`);
    await removeFile(probe);
  }
}

/** Removes what dead processes left. A writer that comes back to find its file gone has had no effect, and says so. */
async function sweepTemporary(directory: string): Promise<void> {
  const temporary = `${directory}/${TEMPORARY_DIRECTORY}`;
  for (const name of (await listIfThere(temporary)) ?? []) {
    try {
      const { mtimeMs } = await lstat(`${temporary}/${name}`);
      if (mtimeMs < Date.now() - LEFT_BEHIND_MS) await rm(`${temporary}/${name}`, { recursive: true, force: true });
    } catch (error) {
      // Gone meanwhile, or another user's: it does not matter to this one.
      if (!isSystemError(error)) throw error;
    }
  }
}

/** What an operator should know about the place. */
export async function findRootFindings(root: string, shown: string): Promise<StoreFinding[]> {
  const findings: StoreFinding[] = [];
  const { mode } = await stat(root);
  if ((mode & 0o002) !== 0) {
    findings.push({
      code: "WORLD_WRITABLE",
      path: shown,
      message: `Every user of this machine may change the store ${shown}.`,
      fix: `chmod o-w ${shown}`,
    });
  }
  if ((mode & 0o005) === 0o005) {
    findings.push({
      code: "WORLD_READABLE",
      path: shown,
      message: `Every user of this machine may read the store ${shown}.`,
      fix: `chmod o-rx ${shown}`,
    });
  }
  const { name, volatile } = judgeFileSystem(shown, (await statfs(root)).type);
  if (volatile !== null) {
    findings.push({
      code: "VOLATILE_FILE_SYSTEM",
      path: shown,
      message: `The store ${shown} is on ${name}: ${volatile}.`,
      fix: "Move it to a directory on a local disk; after a loss see `holdfast lock recover`.",
    });
  }
  return findings;
}
