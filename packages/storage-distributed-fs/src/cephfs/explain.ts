import type { StorageExplanation } from "@holdfast/core";
import type { DriverVolume } from "../driver.js";
import { volumeKey } from "../volume-key.js";
import { clientCommand } from "./client.js";
import type { CephFsOptions } from "./options.js";

export function explain(volume: DriverVolume<CephFsOptions>): StorageExplanation {
  const { options, mountPath } = volume;
  const { program, args } = clientCommand(volume, { mountPath, workDirectory: "", name: "" });
  return {
    statements: [...fenceStatements(options), ...FAILURE_STATEMENTS],
    commands: {
      mount: [[program, ...args].join(" ")],
      ...(options.control.length === 0 ? {} : controlCommands(volume)),
    },
    settings: [
      {
        name: "session_timeout",
        value: String(options.sessionTimeoutSeconds),
        why: "after it a silent client counts as stale",
      },
      {
        name: "session_autoclose",
        value: String(options.sessionAutocloseSeconds),
        why: "after it a dead client is evicted, and its locks are free, where nobody fences it",
      },
      {
        name: "mds_reconnect_timeout",
        value: `below ${options.mountTimeoutMs / 1_000}`,
        why: "a metadata server that was restarted, or taken for dead, lets nobody in while it waits so long for clients of before",
      },
      {
        name: "mds_session_blocklist_on_timeout, mds_session_blocklist_on_evict",
        value: "true",
        why: "a client that lost its session cannot write any more",
      },
      {
        name: "client_reconnect_stale",
        value: "false",
        why: "a client that was shut out does not come back by itself",
      },
    ],
  };
}

function fenceStatements(options: CephFsOptions): string[] {
  if (options.control.length === 0) {
    return [
      "Nothing is fenced, because no administration target is configured: the lease and the cut keep a former holder away, and the metadata server evicts a silent client after session_autoclose.",
    ];
  }
  return [
    "A former holder's address is put on the blocklist, which every object storage daemon obeys, and its sessions are evicted with their locks. Its client gets errors for ever, also after healing.",
    "The fence refuses the agent, not the service: other services of that agent on the same cluster lose it too, until it is let in again.",
    `Entries last ${options.blocklistSeconds} s; those of single clients stay when the agent is let in again.`,
    "An agent that runs a daemon of the cluster cannot be fenced.",
  ];
}

const FAILURE_STATEMENTS = [
  "When the cluster vanishes, calls hang until it is back, and then go on; there is no error. Killing the client ends them.",
  "Killing the client is the cut: what it had not sent is gone with it, and what the kernel still held in its sockets is dropped by `cut`.",
  "A write that was never synced may be found as zeros at the end of a file: the new size reached the metadata server, the data did not.",
];

function controlCommands(volume: DriverVolume<CephFsOptions>): Record<string, string[]> {
  const { options } = volume;
  const record = `ceph config-key set holdfast/volume/${volumeKey(volume)}`;
  const attachment = `${record}/agent/AGENT/EPOCH`;
  const evict = [`ceph tell mds.${options.fileSystem}:RANK client evict id=LEFT-OVER`];
  return {
    attach: [...evict, `${attachment} attached`],
    detach: [...evict, `${attachment} detached`],
    fence: [
      `${record}/fence/AGENT`,
      `ceph osd blocklist add ADDRESS:0/0 ${options.blocklistSeconds}`,
      `ceph osd blocklist add CLIENT ${options.blocklistSeconds}`,
      `ceph tell mds.${options.fileSystem}:RANK client evict id=CLIENT`,
      "ceph osd blocklist ls",
      `ceph tell mds.${options.fileSystem}:RANK client ls`,
    ],
    unfence: ["ceph osd blocklist rm ADDRESS:0/0"],
  };
}
