import { randomUUID } from "node:crypto";
import { open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Replaces a file so that a crash at any moment leaves the old content or the new, never a mixture: temporary file
 * beside it, fsync, rename, fsync of the directory (rename(2), fsync(2)).
 */
export async function replaceFile(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${randomUUID()}.tmp`);
  const file = await open(temporary, "wx", mode);
  try {
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch((cleanup: unknown) => {
      if (!(cleanup instanceof Error && "code" in cleanup && cleanup.code === "ENOENT")) throw cleanup;
    });
    throw error;
  }
  await syncDirectory(directory);
}

/** Makes names in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
