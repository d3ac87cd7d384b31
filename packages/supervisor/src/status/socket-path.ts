import { join } from "node:path";

/** `sun_path` holds 108 bytes, the closing NUL included. */
const PATH_BYTES_MAX = 107;

/**
 * Where a run of a service says how it is, and where `holdfast health` asks. The task's sandbox where there is one, so
 * that two tasks of one machine do not meet; a directory that makes the path too long for a socket is left out.
 * Pure: both sides come to the same answer.
 */
export function defaultStatusSocketPath(
  service: string,
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
): string {
  const name = `holdfast-${service}-${uid}.sock`;
  for (const directory of [env.MESOS_SANDBOX, env.XDG_RUNTIME_DIR]) {
    if (directory === undefined || !directory.startsWith("/")) continue;
    const path = join(directory, name);
    if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return path;
  }
  return join("/tmp", name);
}
