import type { StorageExplanation } from "@holdfast/core";
import type { DriverVolume } from "../driver.js";
import { type AgentRecord, recordOption } from "./agent-records.js";
import { clientCommand } from "./client.js";
import type { GlusterfsOptions } from "./options.js";
import { formatRejected, REJECT } from "./reject-list.js";
import { lockSettings, PING_TIMEOUT_S_MAX } from "./settings.js";

export function explain(volume: DriverVolume<GlusterfsOptions>): StorageExplanation {
  const { options, mountPath } = volume;
  const { program, args } = clientCommand(volume, { mountPath, workDirectory: "", name: "" });
  return {
    statements: [...fenceStatements(options), ...FAILURE_STATEMENTS],
    commands: {
      mount: [[program, ...args].join(" ")],
      ...(options.control.length === 0 ? {} : controlCommands(volume)),
    },
    settings: [
      ...lockSettings(options),
      { name: "network.ping-timeout", value: "10", why: "how long a call hangs when a server vanishes; 42 by default" },
      { name: "client.strict-locks", value: "on", why: "a descriptor whose lock was lost does not work again" },
      { name: "cluster.quorum-type", value: "auto", why: "a minority of copies is never written to" },
      { name: "server.dynamic-auth", value: "on", why: "a brick drops the connections of an address that it refuses" },
      {
        name: "glusterd.vol: ping-timeout",
        value: "5",
        why: "0 by default: a server that vanishes blocks administration, and with it the fence, for minutes",
      },
    ],
  };
}

function fenceStatements({ control, volume }: GlusterfsOptions): string[] {
  if (control.length === 0) {
    return [
      "Nothing is fenced, because no administration target is configured: the lease and the cut keep a former holder away.",
      "After a partition heals, a former client writes through its old descriptors again, also where another client has taken the lock.",
    ];
  }
  return [
    `A former holder's address is put into ${REJECT} of volume ${volume}: the bricks drop its connections at once and refuse new ones, and its client ends when it is told so.`,
    "The fence refuses the agent, not the service: other services of that agent on the same Gluster volume lose it too. One Gluster volume per service keeps them apart.",
    "A receipt needs the answer of a majority of each replica set's bricks, of all bricks where there is no replication.",
    "An agent that is itself a server of the volume cannot be fenced.",
  ];
}

const FAILURE_STATEMENTS = [
  `When a server vanishes without a word, calls hang for network.ping-timeout (42 s by default, at most ${PING_TIMEOUT_S_MAX} s wanted here), then go on with the other copies.`,
  "When a majority of copies is gone, calls fail with ENOTCONN after network.ping-timeout, reads too; when the bricks are back, the same descriptor works on within seconds.",
  "Killing the client is the cut: what it had not sent is gone with it, and what the kernel still held in its sockets is dropped by `cut`.",
];

function controlCommands(volume: DriverVolume<GlusterfsOptions>): Record<string, string[]> {
  const { volume: name } = volume.options;
  const record = (state: AgentRecord["state"]) => recordOption(volume, { agent: "AGENT", epoch: 0n, state }).join(" ");
  return {
    attach: [`gluster volume set ${name} ${record("attached")}`],
    detach: [`gluster volume set ${name} ${record("free")}`],
    fence: [
      `gluster volume set ${name} ${REJECT} ADDRESS,… ${record("free")}`,
      `gluster volume status ${name} BRICK clients`,
      `gluster volume set ${name} ${record("fenced")}`,
    ],
    unfence: [`gluster volume set ${name} ${REJECT} ${formatRejected([])} ${record("free")}`],
  };
}
