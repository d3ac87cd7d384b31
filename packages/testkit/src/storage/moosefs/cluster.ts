import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NetworkAgent } from "../../agents/agent.js";
import { command } from "../../agents/command.js";
import type { AgentNetwork } from "../../agents/network.js";
import { until } from "../../agents/until.js";
import { type ServerProcess, startServerProcess } from "../server-process.js";
import { adminExport, chunkServerConfig, masterConfig, volumeExport } from "./config.js";

export interface MooseFsClusterOptions {
  readonly chunkServers: number;
  /** Further lines of mfsmaster.cfg. */
  readonly masterSettings: Readonly<Record<string, string>>;
}

/** A master and its chunk servers, each on a machine of its own. */
export interface MooseFsCluster {
  readonly master: NetworkAgent;
  readonly machines: readonly NetworkAgent[];
  readonly directory: string;
  readonly masterConfigFile: string;
  readonly exportsFile: string;
  /** Idempotent. */
  start(): Promise<void>;
  hang(): Promise<void>;
  resume(): void;
  kill(): Promise<void>;
  /** What `mfscli -p -H MASTER …` prints. */
  cli(...args: readonly string[]): Promise<string>;
  /** Makes a directory at the server, through a mount that is taken away again, and exports it to all agents. */
  createVolume(path: string): Promise<void>;
  /** Ends everything and removes the files. */
  dispose(): Promise<void>;
}

export const EMPTY_METADATA = "/var/lib/mfs/metadata.mfs.empty";
const SERVING_LIMIT_MS = 30_000;
const MOUNT_LIMIT_MS = 10_000;

export async function createMooseFsCluster(
  network: AgentNetwork,
  { chunkServers, masterSettings }: MooseFsClusterOptions,
): Promise<MooseFsCluster> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-moosefs-"));
  const master = await network.addAgent();
  const chunkMachines: NetworkAgent[] = [];
  for (let index = 0; index < chunkServers; index += 1) chunkMachines.push(await network.addAgent());
  const masterDirectory = join(directory, "master");
  const masterConfigFile = join(masterDirectory, "mfsmaster.cfg");
  mkdirSync(masterDirectory);
  copyFileSync(EMPTY_METADATA, join(masterDirectory, "metadata.mfs"));
  writeFileSync(join(masterDirectory, "mfsexports.cfg"), adminExport(master.address));
  writeFileSync(join(masterDirectory, "mfstopology.cfg"), "");
  writeFileSync(
    masterConfigFile,
    masterConfig({ directory: masterDirectory, address: master.address, settings: masterSettings }),
  );
  const chunkDirectories = chunkMachines.map((machine, index) => {
    const own = join(directory, `chunk${index + 1}`);
    mkdirSync(join(own, "hdd"), { recursive: true });
    writeFileSync(join(own, "mfshdd.cfg"), `${own}/hdd\n`);
    writeFileSync(
      join(own, "mfschunkserver.cfg"),
      chunkServerConfig({ directory: own, address: machine.address, masterAddress: master.address }),
    );
    return own;
  });

  let processes: ServerProcess[] = [];
  const describe = () => processes.map((server) => server.describe()).join("\n");
  const inside = (...argv: readonly string[]) => command([...master.enter, ...argv] as [string, ...string[]]);
  const cli = async (...args: readonly string[]) =>
    (await inside("mfscli", "-p", "-n", "-H", master.address, ...args)).stdout;
  const endAll = (how: "kill" | "stop") =>
    Promise.all(processes.map((server) => (server.running ? server[how]() : undefined)));
  return {
    master,
    machines: [master, ...chunkMachines],
    directory,
    masterConfigFile,
    exportsFile: join(masterDirectory, "mfsexports.cfg"),
    async start() {
      if (processes.some((server) => server.running)) {
        if (!processes.every((server) => server.running))
          throw new Error(`only a part of MooseFS runs:\n${describe()}`);
        return;
      }
      processes = [
        startServerProcess({
          name: "mfsmaster",
          // -a: after a kill the metadata is put together from the change logs.
          argv: ["mfsmaster", "-a", "-f", "-c", masterConfigFile, "start"],
          enter: master.enter,
          logFile: join(masterDirectory, "log"),
        }),
        ...chunkMachines.map((machine, index) =>
          startServerProcess({
            name: `mfschunkserver ${index + 1}`,
            argv: ["mfschunkserver", "-f", "-c", `${chunkDirectories[index]}/mfschunkserver.cfg`, "start"],
            enter: machine.enter,
            logFile: `${chunkDirectories[index]}/log`,
          }),
        ),
      ];
      await until(
        "every chunk server to be registered with the master",
        async () => {
          const dead = processes.find((server) => !server.running);
          if (dead !== undefined) throw new Error(dead.describe());
          const seen = await cli("-SCS").catch(() => ""); // no answer: it does not serve yet
          return chunkMachines.every((machine) => seen.includes(machine.address));
        },
        { timeoutMs: SERVING_LIMIT_MS, intervalMs: 50, seen: describe },
      );
    },
    async hang() {
      await Promise.all(processes.map((server) => server.pause()));
    },
    resume() {
      for (const server of processes) server.resume();
    },
    async kill() {
      await endAll("kill");
    },
    cli,
    async createVolume(path) {
      await makeDirectory(master, directory, path);
      appendFileSync(join(masterDirectory, "mfsexports.cfg"), volumeExport(network.prefix, path));
      await inside("mfsmaster", "-c", masterConfigFile, "reload");
      await until("the volume to be exported", async () => (await cli("-SEX")).includes(`\t${path}\t`), {
        timeoutMs: MOUNT_LIMIT_MS,
      });
    },
    async dispose() {
      // Chunk data and metadata are thrown away: nothing has to be saved.
      await endAll("kill");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function makeDirectory(master: NetworkAgent, directory: string, path: string): Promise<void> {
  const mountPoint = mkdtempSync(join(directory, "mount-"));
  const client = startServerProcess({
    name: "mfsmount",
    argv: ["mfsmount", "-f", "-H", master.address, mountPoint],
    enter: master.enter,
    logFile: join(directory, "mount.log"),
  });
  try {
    await until("the root of MooseFS to be mounted", () => client.running && isMounted(mountPoint), {
      timeoutMs: MOUNT_LIMIT_MS,
      seen: () => client.describe(),
    });
    await command(["mkdir", "-p", join(mountPoint, path)]);
    await command(["umount", mountPoint]);
  } finally {
    await client.kill();
    if (await isMounted(mountPoint)) await command(["umount", "--lazy", mountPoint]); // something above failed
    rmdirSync(mountPoint);
  }
}

async function isMounted(mountPoint: string): Promise<boolean> {
  return (await command(["cat", "/proc/self/mountinfo"])).stdout.includes(` ${mountPoint} `);
}
