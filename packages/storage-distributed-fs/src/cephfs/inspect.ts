import { hasCode, type Op, type StorageFinding } from "@holdfast/core";
import type { DriverVolume } from "../driver.js";
import { ceph, type FileSystem, readFileSystem } from "./cluster.js";
import type { CephFsOptions } from "./options.js";

const MUST_BE_TRUE = ["mds_session_blocklist_on_timeout", "mds_session_blocklist_on_evict"];
const RECONNECT = "mds_reconnect_timeout";
/** Until a metadata server that was taken for dead begins to wait. */
const RESTART_SECONDS = 30;

export async function inspect(op: Op, { options }: DriverVolume<CephFsOptions>): Promise<StorageFinding[]> {
  if (options.control.length === 0) {
    return [
      {
        code: "CEPHFS_NO_CONTROL",
        severity: "warning",
        message: "The cluster's settings cannot be read and nobody can be fenced.",
        fix: "Set `control` in the volume's options, for example { kind: command, command: [ceph] }.",
      },
    ];
  }
  try {
    const fileSystem = await readFileSystem(op, options);
    const settings = new Map<string, string>();
    for (const name of [...MUST_BE_TRUE, RECONNECT]) {
      settings.set(name, (await ceph(op, options, "config", "get", "mds", name)).trim());
    }
    return judgeSettings(fileSystem, settings, options);
  } catch (error) {
    if (!hasCode(error, "BUSY", "DENIED", "NOT_FOUND", "UNKNOWN_OUTCOME")) throw error;
    return [
      {
        code: "CEPHFS_UNREADABLE",
        severity: "error",
        message: `The cluster's settings cannot be read: ${(error as Error).message}`,
        fix: "See whether `control` reaches the cluster: ceph -s.",
      },
    ];
  }
}

/** Pure. */
function judgeSettings(
  fileSystem: FileSystem | undefined,
  settings: ReadonlyMap<string, string>,
  options: CephFsOptions,
): StorageFinding[] {
  if (fileSystem === undefined) {
    return [
      {
        code: "CEPHFS_MISSING",
        severity: "error",
        message: `There is no file system ${options.fileSystem}.`,
        fix: "Correct `fileSystem`; see `ceph fs ls`.",
      },
    ];
  }
  const findings: StorageFinding[] = [];
  const bounds = [
    ["session_timeout", fileSystem.session_timeout, options.sessionTimeoutSeconds, "sessionTimeoutSeconds"],
    ["session_autoclose", fileSystem.session_autoclose, options.sessionAutocloseSeconds, "sessionAutocloseSeconds"],
  ] as const;
  for (const [name, actual, wanted, option] of bounds) {
    if (actual <= wanted) continue;
    findings.push({
      code: `CEPHFS_${name.toUpperCase()}`,
      severity: "warning",
      message: `${name} is ${actual} s, the options say ${wanted} s: without a fence a dead client keeps its locks longer.`,
      fix: `ceph fs set ${options.fileSystem} ${name} ${wanted}, or ${option}: ${actual}.`,
    });
  }
  for (const name of MUST_BE_TRUE) {
    if (settings.get(name) === "true") continue;
    findings.push({
      code: "CEPHFS_BLOCKLIST_OFF",
      severity: "error",
      message: `${name} is ${settings.get(name)}: a client that lost its session can still write.`,
      fix: `ceph config set mds ${name} true`,
    });
  }
  const reconnectSeconds = Number(settings.get(RECONNECT));
  if ((reconnectSeconds + RESTART_SECONDS) * 1_000 > options.mountTimeoutMs) {
    findings.push({
      code: "CEPHFS_RECONNECT",
      severity: "warning",
      message: `${RECONNECT} is ${reconnectSeconds} s, mountTimeoutMs ${options.mountTimeoutMs}: after a restart of the metadata server a takeover gives its first mount up.`,
      fix: `mountTimeoutMs: ${(reconnectSeconds + RESTART_SECONDS) * 1_000}, or ceph config set mds ${RECONNECT} with less.`,
    });
  }
  return findings;
}
