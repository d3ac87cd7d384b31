import type { StorageExplanation } from "@holdfast/core";
import type { DriverVolume } from "../driver.js";
import { clientCommand } from "./client.js";
import type { MooseFsOptions } from "./options.js";

export function explain(volume: DriverVolume<MooseFsOptions>): StorageExplanation {
  const { options, mountPath } = volume;
  const { program, args } = clientCommand(volume, { mountPath, workDirectory: "", name: "" });
  return {
    statements: [...fenceStatements(options), ...failureStatements(options)],
    commands: {
      mount: [[program, ...args].join(" ")],
      ...(options.control.length === 0 ? {} : controlCommands(options)),
    },
    settings: [
      {
        name: "SESSION_SUSTAIN_TIME",
        value: String(options.sessionSustainSeconds),
        why: "how long a dead client keeps its locks where nobody fences it; one day by default, 60 s at least",
      },
      { name: "CHANGELOG_SAVE_MODE", value: "1", why: "what the master answered survives its own crash" },
      {
        name: "mfsexports.cfg",
        value: `AGENTS ${options.path} rw,maproot=0:0`,
        why: "a line of its own, so that a fence takes this volume from an agent and no other",
      },
      {
        name: "mfstimeout",
        value: `${options.ioTimeoutSeconds}`,
        why: "I/O fails after so many seconds; never by default",
      },
    ],
  };
}

function fenceStatements(options: MooseFsOptions): string[] {
  if (options.control.length === 0) {
    return [
      "Nothing is fenced, because no administration target is configured: the lease and the cut keep a former holder away.",
      "After a partition heals, a client that lives on writes what it still had over what its successor wrote.",
    ];
  }
  const uncontrolled = Object.keys(options.chunkServerControl).length === 0;
  return [
    `A fence takes ${options.path} from the former holder's address in ${options.exportsFile}, removes its sessions with their locks, and ends its connections to the chunk servers. Removing the session alone would not do: the client makes a new one and writes on.`,
    "Taking the exports in anew interrupts every client of this MooseFS for a second or two; they go on by themselves.",
    ...(uncontrolled
      ? [`Without chunkServerControl each fence waits ${options.chunkSettleMs} ms for chunks that were granted before.`]
      : []),
  ];
}

function failureStatements(options: MooseFsOptions): string[] {
  const limit =
    options.ioTimeoutSeconds === 0 ? `${options.ioRetries} attempts` : `${options.ioTimeoutSeconds} s at the latest`;
  return [
    `When the master or the chunk servers vanish, writes go on into the client's cache of ${options.writeCacheMiB} MiB, then hang; fsync fails with EIO after ${limit}.`,
    "A chunk that a client was writing when it was cut off can stay locked at the master for two minutes: a successor's first read or write of it waits that long, and then goes on.",
    "O_DIRECT does not go around the client's cache: only fsync and close say that data is at the servers.",
    "Killing the client is the cut: what it had not sent is gone with it, and what the kernel still held in its sockets is dropped by `cut`.",
    "There is one active master; where `servers` names several, the first that answers is used.",
  ];
}

function controlCommands(options: MooseFsOptions): Record<string, string[]> {
  const [master = ""] = options.servers;
  const reload = `mfsmaster -c ${options.masterConfigFile} reload`;
  return {
    attach: [`a comment in ${options.exportsFile}: EPOCH@AGENT`],
    detach: [`a comment in ${options.exportsFile}: EPOCH`],
    fence: [
      `${options.exportsFile}: lines for ${options.path} without ADDRESS`,
      reload,
      `mfscli -H ${master} -CRS/SESSION`,
      ...Object.keys(options.chunkServerControl).map((server) => `on ${server}: ss --kill dst ADDRESS`),
      `mfscli -H ${master} -SEX -SMS -SAL`,
    ],
    unfence: [`${options.exportsFile}: lines for ${options.path} as they were`, reload],
  };
}
