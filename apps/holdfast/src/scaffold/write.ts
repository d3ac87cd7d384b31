import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";

/** Writes files into a new or empty directory. @throws `INVALID_SPEC`: something is there, and nothing was written. */
export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  const present = await contentOf(directory);
  if (present.length > 0) {
    throw new HoldfastError("INVALID_SPEC", `${directory} is not empty (${present.slice(0, 3).join(", ")}).`, {
      hint: "Name a new directory with --directory. Nothing was written.",
    });
  }
  for (const [path, text] of Object.entries(files)) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: "wx" });
  }
}

async function contentOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return [];
    if (code !== "ENOTDIR") throw error;
    throw new HoldfastError("INVALID_SPEC", `${directory} is a file.`, { hint: "Name a directory with --directory." });
  }
}
