import { controlArgv, type StorageExplanation, type Volume } from "@holdfast/core";
import { clientCommand } from "./node/client-command.js";
import { mountOptions } from "./node/mount-options.js";
import type { NbdOptions } from "./options.js";

/** Pure; commands are shown with placeholders in capitals. */
export function explainNbd(volume: Volume, options: NbdOptions): StorageExplanation {
  const { server } = options;
  const line = (argv: readonly string[]) => argv.join(" ");
  const control = (...args: string[]) => line(controlArgv(options.control, args));
  const kind = options.client === "auto" ? "nbdfuse" : options.client;
  const device = kind === "kernel" ? "/dev/nbdN" : `WORK/nbd-${volume.role}/EXPORT/disk`;
  const target = { address: server.address, port: server.port, export: `${options.volume}.eEPOCH`, device };
  const client = clientCommand(kind, target, options.reconnectMs);
  return {
    statements: [
      `One ${server.kind} process serves volume ${options.volume}, to one client at a time, under a name that carries the epoch.`,
      "A fence kills that process: what the former holder still sends reaches no server, and its export's name never exists again.",
      "The client lives in the run's own process tree and dies with it; the cut then destroys its connections, unsent data included.",
      ...(options.client === "auto"
        ? [
            "Where the kernel has the nbd driver and nbd-client is installed, they are used instead of nbdfuse and a loop device.",
          ]
        : []),
      "Locks are the kernel's own: they are not seen by other agents, and nothing relies on them.",
      "A server that is away stops every write without a time limit; the lease ends the run then, unless the server is back before.",
    ],
    commands: {
      attach: [control("attach", options.volume, "AGENT", "ADDRESS", "EPOCH"), line([client.command, ...client.args])],
      mount: [line(["mount", "-t", options.fsType, "-o", mountOptions(options).join(","), device, volume.mountPath])],
      fence: [control("fence", options.volume, "FORMER-AGENT", "FORMER-EPOCH", "EPOCH")],
      detach: [control("detach", options.volume, "AGENT")],
    },
    settings: [
      { name: "one client", value: oneClient[server.kind], why: "a second client would be a second writer" },
      { name: "flush", value: flushes[server.kind], why: "an fsync must reach the server's disk" },
      { name: "mount options", value: mountOptions(options).join(","), why: "stop at the first error" },
      {
        name: "server port",
        value: String(server.port),
        why: "of this volume alone, so that the cut hits no other one",
      },
    ],
  };
}

const oneClient = { nbdkit: "--filter=limit limit=1", "nbd-server": "maxconnections = 1", "qemu-nbd": "--shared=1" };
const flushes = {
  nbdkit: "file plugin: offered",
  "nbd-server": "flush = true, fua = true",
  "qemu-nbd": "--cache=writeback",
};
