import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rmdir, unlink } from "node:fs/promises";
import { HoldfastError, type OpFiles } from "@holdfast/core";
import { replaceFile } from "./atomic-file.js";

const isCode = (error: unknown, code: string) => error instanceof Error && "code" in error && error.code === code;

/** See {@link OpFiles}. */
export const localFiles: OpFiles = {
  async read(path, { bytesMax }) {
    let handle: Awaited<ReturnType<typeof open>>;
    try {
      handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
    try {
      const buffer = Buffer.alloc(bytesMax + 1);
      const { bytesRead } = await handle.read(buffer, 0, bytesMax + 1, 0);
      if (bytesRead > bytesMax) {
        throw new HoldfastError("INVALID_SPEC", `${path} has more than ${bytesMax} bytes.`, {
          hint: "It is not the file it should be.",
        });
      }
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  },
  replace: (path, data, options) => replaceFile(path, data, options?.mode),
  async makeDirectory(path, options) {
    await mkdir(path, { recursive: true, mode: options?.mode ?? 0o755 });
  },
  async remove(path) {
    try {
      const info = await lstat(path);
      await (info.isDirectory() ? rmdir(path) : unlink(path));
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
    }
  },
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
  },
};
