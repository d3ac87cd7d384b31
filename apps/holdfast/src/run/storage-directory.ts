import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SPEC_FILE, type StorageSpec } from "../storage/spec.js";

/** A run's own directory on a local disk: what its storage process works from, and where it keeps sockets and logs. */
export function makeStorageDirectory(spec: StorageSpec, env: Readonly<Record<string, string | undefined>>): string {
  const directory = mkdtempSync(join(env.MESOS_SANDBOX ?? tmpdir(), "holdfast-run-"));
  writeFileSync(join(directory, SPEC_FILE), JSON.stringify(spec), { mode: 0o600 });
  return directory;
}

/** The run is over and its trees are gone; mounts in it were in a namespace that is gone with them. */
export function removeStorageDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
