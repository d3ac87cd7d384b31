import { constants } from "node:fs";
import { lstat, open, readdir, rmdir, unlink } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import { isErrno } from "./errors.js";

/** Store files are for their owner and its group; other users learn nothing and change nothing. */
const FILE_MODE = 0o640;

/** A new file with its content on the disk. */
export async function writeDurably(file: string, content: Uint8Array): Promise<void> {
  const handle = await open(file, "wx", FILE_MODE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A new file that need not survive a crash of the machine. */
export async function writeHint(file: string, content: string): Promise<void> {
  const handle = await open(file, "wx", FILE_MODE);
  try {
    await handle.writeFile(content);
  } finally {
    await handle.close();
  }
}

/** Undefined when there is no such file. @throws `RECORD_INVALID` when it is larger than any file of the store. */
export async function readIfThere(file: string, bytesMax: number, shown = file): Promise<Uint8Array | undefined> {
  return withFile(file, async (handle) => {
    const { size } = await handle.stat();
    if (size > bytesMax) {
      throw new HoldfastError("RECORD_INVALID", `${shown} has ${size} bytes, more than any record.`, {
        hint: "Look at the directory; this store did not write it.",
      });
    }
    return handle.readFile();
  });
}

/** At most `bytesMax` bytes from the beginning; undefined when there is no such file. */
export async function readBeginning(file: string, bytesMax: number): Promise<Uint8Array | undefined> {
  return withFile(file, async (handle) => {
    const buffer = Buffer.alloc(bytesMax);
    const { bytesRead } = await handle.read(buffer, 0, bytesMax, 0);
    return buffer.subarray(0, bytesRead);
  });
}

async function withFile<T>(file: string, use: (handle: Awaited<ReturnType<typeof open>>) => Promise<T>) {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** Names in a directory; undefined when there is no such directory. */
export async function listIfThere(directory: string): Promise<string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** Whoever removed it before, it is gone now. */
export async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** Removes a directory unless something is in it, or came into it meanwhile. */
export async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR")) throw error;
  }
}
