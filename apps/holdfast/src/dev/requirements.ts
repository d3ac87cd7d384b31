import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { HoldfastError } from "@holdfast/core";

/** Something that must be installed, and the Debian package that brings it. */
export interface Requirement {
  /** A program in the search path, or the absolute path of a file. */
  readonly needs: string;
  readonly debianPackage: string;
}

/** Debian keeps administration programs where an ordinary user's search path does not lead. */
const MORE_DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

export function isThere(needs: string): boolean {
  if (needs.startsWith("/")) return canAccess(needs, constants.R_OK);
  const directories = [...(process.env.PATH ?? "").split(delimiter), ...MORE_DIRECTORIES];
  return directories.some((directory) => directory !== "" && canAccess(join(directory, needs), constants.X_OK));
}

function canAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") return false;
    throw error;
  }
}

/** @throws `UNSUPPORTED` naming everything that is missing and the one command that installs it. */
export function requireInstalled(requirements: readonly Requirement[], what: string): void {
  const missing = requirements.filter(({ needs }) => !isThere(needs));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  throw new HoldfastError("UNSUPPORTED", `${what} needs ${missing.map(({ needs }) => needs).join(", ")}.`, {
    hint: `On Debian: apt-get install -y --no-install-recommends ${packages.join(" ")}`,
  });
}
