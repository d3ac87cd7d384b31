import type { StorageExplanation, Volume } from "@holdfast/core";
import { mountCommand } from "./mount/mount-options.js";
import type { SharedFsOptions } from "./options.js";
import { controllerOf } from "./server/pick.js";

const BUFFERED =
  "Data that a killed application had written but not synced stays in its agent's kernel, which sends it whenever the " +
  "server answers again";

/** Pure: what a plan prints. */
export function explainSharedFs(volume: Volume, options: SharedFsOptions): StorageExplanation {
  const { server } = options;
  const fence = controllerOf(options).fenceCommands(volume);
  return {
    statements: [...promises(options), ...locks(options)],
    commands: {
      ...(options.mount === "holdfast" ? { mount: [mountCommand(options, volume.mountPath).join(" ")] } : {}),
      ...(fence.length === 0 ? {} : { fence }),
    },
    settings: [
      ...(options.type === "nfs4"
        ? [
            {
              name: server.kind === "ganesha" ? "NFSv4 { Lease_Lifetime }" : "/proc/fs/nfsd/nfsv4leasetime",
              value: `at most ${options.lockLeaseMs / 1_000} s`,
              why: "how long the server keeps the claim and other locks of an agent that is gone",
            },
          ]
        : []),
      ...(options.type === "posix"
        ? []
        : [{ name: "export option", value: "sync", why: "an acknowledged write survives a crash of the server" }]),
      {
        name: "cut",
        value: `${options.cutTimeoutMs} ms`,
        why: "how long a stopped run waits until its data is at the server; after that it asks for a fence",
      },
    ],
  };
}

function promises({ server, source }: SharedFsOptions): string[] {
  const cut =
    "A run that ends is certain to write nothing more only once a sync has come back or the kernel has dropped the file " +
    "system; otherwise its record says so, and a successor waits for a fence.";
  if (server.kind === "none") {
    return [
      cut,
      `Nothing can cut a former agent off from ${source}. ${BUFFERED}: after a network cut this may overwrite what the successor wrote. The grade is lease-only.`,
    ];
  }
  return [
    cut,
    `Before a successor mounts ${source}, the former agent is refused by the server. ${BUFFERED}; the server then rejects it.`,
    ...(server.kind === "hook" ? ["What the operator's fence command does is the operator's to know."] : []),
    ...(server.kind === "kernel"
      ? [
          "The fence ends all locks that the former agent holds at this server, those of its other volumes there included.",
        ]
      : []),
  ];
}

function locks({ type, lockLeaseMs, crossAgentLocks }: SharedFsOptions): string[] {
  if (type === "nfs4")
    return [`The claim is a lock at the server; it outlives a dead agent by ${lockLeaseMs / 1_000} s.`];
  if (type === "posix" && crossAgentLocks) return ["The operator says that flock is honoured between agents."];
  return ["The claim is seen on its own agent only."];
}
