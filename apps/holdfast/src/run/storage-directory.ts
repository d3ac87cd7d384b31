import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, parseMountinfo } from "@holdfast/core";
import { SPEC_FILE, type StorageSpec } from "../storage/spec.js";

/** A run's own directory on a local disk: what its storage process works from, and where it keeps sockets and logs. */
export function makeStorageDirectory(spec: StorageSpec, env: Readonly<Record<string, string | undefined>>): string {
  const directory = mkdtempSync(join(env.MESOS_SANDBOX ?? tmpdir(), "holdfast-run-"));
  writeFileSync(join(directory, SPEC_FILE), JSON.stringify(spec), { mode: 0o600 });
  return directory;
}

/**
 * The run is over and its trees are gone, and what was mounted below was in a namespace that is gone with them. Should
 * anything be mounted there all the same, nothing is removed: it would be somebody's data.
 */
export function removeStorageDirectory(directory: string, logger: Logger): void {
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  const inside = mounts.find(({ mountPoint }) => mountPoint === directory || mountPoint.startsWith(`${directory}/`));
  if (inside === undefined) return rmSync(directory, { recursive: true, force: true });
  logger.log("warn", `${inside.mountPoint} is still mounted; ${directory} is left as it is`);
}
