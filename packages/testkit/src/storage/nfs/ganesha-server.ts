import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../agents/command.js";
import type { AgentNetwork } from "../../agents/network.js";
import { until } from "../../agents/until.js";
import { type ServerProcess, startServerProcess } from "../server-process.js";
import { LEASE_SECONDS, type NfsServer } from "./server.js";
import { createSshSetup } from "./ssh.js";

const DISK_BYTES = 512 * 1024 * 1024;
const START_LIMIT_MS = 30_000;

/**
 * nfs-ganesha in a network namespace, and in a mount namespace of its own that sshd made: the disk is seen by these two
 * alone, and goes with them. Runs without D-Bus, as it does in most containers.
 */
export async function startGaneshaServer(network: AgentNetwork, directory: string): Promise<NfsServer> {
  const machine = await network.addAgent();
  const { address } = machine;
  const at = (name: string) => join(directory, "ganesha", name);
  for (const name of ["disk", "state", "volumes"]) mkdirSync(at(name), { recursive: true });
  await command(["truncate", "-s", String(DISK_BYTES), at("disk.img")]);
  await command(["mkfs.ext4", "-q", "-F", at("disk.img")]);
  mkdirSync("/run/sshd", { recursive: true });
  const ssh = await createSshSetup(at("ssh"), address);
  const sshd = startServerProcess({
    name: "sshd of ganesha",
    argv: [
      "unshare",
      "--mount",
      "sh",
      "-ec",
      'mount -o loop "$1" "$2"; echo $$ > "$3"; shift 3; exec "$@"',
      "sh",
      at("disk.img"),
      at("disk"),
      at("sshd.pid"),
      ...ssh.server,
    ],
    enter: machine.enter,
    logFile: at("sshd.log"),
  });
  const listens = (port: number, process: ServerProcess) =>
    until(
      `port ${port} of ${address}`,
      async () => {
        if (!process.running) throw new Error(process.describe());
        const { stdout } = await command(within(machine.enter, "ss", "-Hltn", `sport = :${port}`));
        return stdout.trim() !== "";
      },
      { timeoutMs: START_LIMIT_MS, intervalMs: 50, seen: () => process.describe() },
    );
  await listens(22, sshd);
  const inside = [
    ...machine.enter,
    "nsenter",
    `--mount=/proc/${readFileSync(at("sshd.pid"), "utf8").trim()}/ns/mnt`,
    "--",
  ];
  const shell = async (script: string) =>
    (await command(within(inside, "bash", "-euo", "pipefail", "-c", script))).stdout;

  const names: string[] = [];
  const writeConfig = () =>
    writeFileSync(
      at("ganesha.conf"),
      configuration(
        address,
        at("state"),
        names.map((name) => at(`volumes/${name}.conf`)),
      ),
    );
  writeConfig();
  let ganesha: ServerProcess | undefined;
  const start = async () => {
    ganesha = startServerProcess({
      name: "ganesha",
      argv: ["ganesha.nfsd", "-F", "-f", at("ganesha.conf"), "-L", at("log"), "-p", at("pid")],
      enter: inside,
      logFile: at("out"),
    });
    await listens(2_049, ganesha);
  };
  const close = async () => {
    await ganesha?.kill();
    await sshd.kill();
  };
  try {
    await start();
    const { stdout } = await command(["ganesha.nfsd", "-v"]);
    return {
      kind: "ganesha",
      version: `nfs-ganesha ${/[\d.]{3,}\S*/.exec(stdout)?.[0] ?? stdout.trim()}`,
      address,
      control: ssh.target,
      shell,
      place: (name) => ({ source: `${address}:/${name}`, directory: at(`disk/${name}`), exportPath: `/${name}` }),
      async options(name) {
        names.push(name);
        writeFileSync(at(`volumes/${name}.conf`), "");
        writeConfig();
        return { exportId: names.length, file: at(`volumes/${name}.conf`), pidFile: at("pid"), logFile: at("log") };
      },
      hang: async () => ganesha?.pause(),
      resume: async () => ganesha?.resume(),
      kill: async () => ganesha?.kill(),
      start,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function within(enter: readonly string[], ...argv: readonly string[]): [string, ...string[]] {
  const [file = "", ...args] = [...enter, ...argv];
  return [file, ...args];
}

function configuration(address: string, state: string, includes: readonly string[]): string {
  return `NFS_CORE_PARAM { NFS_Protocols = 4; NFS_Port = 2049; Bind_Addr = ${address}; Enable_NLM = false; Enable_RQUOTA = false; }
NFSv4 {
  Lease_Lifetime = ${LEASE_SECONDS};
  Grace_Period = ${LEASE_SECONDS};
  RecoveryBackend = fs;
  RecoveryRoot = ${state};
  Minor_Versions = 1, 2;
}
LOG { Default_Log_Level = EVENT; }
${includes.map((file) => `%include "${file}"\n`).join("")}`;
}
