import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NetworkAgent } from "../../agents/agent.js";
import { command } from "../../agents/command.js";
import type { AgentNetwork } from "../../agents/network.js";
import { until } from "../../agents/until.js";
import { type ServerProcess, startServerProcess } from "../server-process.js";
import { cephConfig, monitorHosts } from "./config.js";

export interface CephClusterOptions {
  readonly osds: number;
  readonly osdBytes: number;
  /** Further settings of ceph.conf. */
  readonly settings: Readonly<Record<string, string>>;
}

/** One monitor with manager and metadata server on one machine, and each object storage daemon on its own. */
export interface CephCluster {
  readonly monitor: NetworkAgent;
  readonly machines: readonly NetworkAgent[];
  readonly directory: string;
  readonly configFile: string;
  /** Makes the cluster and the file system `fs`; once. */
  create(): Promise<void>;
  /** Idempotent. */
  start(): Promise<void>;
  hang(): Promise<void>;
  resume(): void;
  kill(): Promise<void>;
  /** What `ceph …` prints. */
  ceph(...args: readonly string[]): Promise<string>;
  /**
   * A directory that nobody used before. All were made at the start: making one waits for every client that has its parent
   * cached, dead ones included, for up to `session_timeout`.
   */
  takeDirectory(): string;
  /** Ends everything and removes the files. */
  dispose(): Promise<void>;
}

export const FILE_SYSTEM = "fs";
/** As many volumes as a suite may ask for. */
const DIRECTORIES = 100;
const SERVING_LIMIT_MS = 60_000;
const MOUNT_LIMIT_MS = 15_000;
const ANSWER_LIMIT_SECONDS = "2";

export async function createCephCluster(network: AgentNetwork, options: CephClusterOptions): Promise<CephCluster> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-ceph-"));
  for (const name of ["mon", "mgr", "mds", "run", "log"]) mkdirSync(join(directory, name));
  const monitor = await network.addAgent();
  const osdMachines: NetworkAgent[] = [];
  for (let id = 0; id < options.osds; id += 1) {
    osdMachines.push(await network.addAgent());
    mkdirSync(join(directory, `osd${id}`));
  }
  const fsid = randomUUID();
  const configFile = join(directory, "ceph.conf");
  const { osds, osdBytes, settings } = options;
  const place = { directory, fsid, monitorAddress: monitor.address, prefix: network.prefix };
  writeFileSync(configFile, cephConfig({ ...place, osds, osdBytes, settings }));

  let taken = 0;
  const processes = new Map<string, ServerProcess>();
  const inside = (machine: NetworkAgent, argv: readonly [string, ...string[]]) =>
    command([...machine.enter, ...argv] as [string, ...string[]]);
  const run = (machine: NetworkAgent, kind: "mon" | "mgr" | "osd" | "mds", id: string) => {
    const name = `${kind}.${id}`;
    processes.set(
      name,
      startServerProcess({
        name,
        argv: [`ceph-${kind}`, "-f", "-c", configFile, "-i", id],
        enter: machine.enter,
        logFile: join(directory, "log", `${name}.out`),
      }),
    );
  };
  const ceph = async (...args: readonly string[]) =>
    (await inside(monitor, ["ceph", "-c", configFile, "--connect-timeout", "10", ...args])).stdout;
  const runAll = () => {
    run(monitor, "mon", "a");
    run(monitor, "mgr", "a");
    for (const [id, machine] of osdMachines.entries()) run(machine, "osd", String(id));
    run(monitor, "mds", "a");
  };
  // After a kill the monitor goes on showing the dead for a while: so each daemon is asked itself.
  const answers = (daemon: string, question: string) =>
    inside(monitor, ["timeout", ANSWER_LIMIT_SECONDS, "ceph", "-c", configFile, "tell", daemon, question]).then(
      ({ stdout }) => stdout,
      () => "", // does not serve yet
    );
  const whenServing = () =>
    until(
      "the metadata server and every object storage daemon to serve",
      async () => {
        const dead = [...processes.values()].find((server) => !server.running);
        if (dead !== undefined) throw new Error(dead.describe());
        for (const id of osdMachines.keys())
          if (!(await answers(`osd.${id}`, "status")).includes("active")) return false;
        if (!(await answers("mds.a", "status")).includes('"up:active"')) return false;
        // It knows before the monitors, of which clients ask.
        return (await ceph("mds", "stat")).includes("up:active");
      },
      { timeoutMs: SERVING_LIMIT_MS, intervalMs: 50 },
    );
  return {
    monitor,
    machines: [monitor, ...osdMachines],
    directory,
    configFile,
    async create() {
      const monmap = join(directory, "monmap");
      await command(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", monitorHosts(monitor.address), monmap]);
      await inside(monitor, ["ceph-mon", "-c", configFile, "--mkfs", "-i", "a", "--monmap", monmap]);
      run(monitor, "mon", "a");
      run(monitor, "mgr", "a");
      run(monitor, "mds", "a");
      await Promise.all(
        osdMachines.map(async (machine, id) => {
          const uuid = randomUUID();
          await Promise.all([
            ceph("osd", "new", uuid, String(id)),
            inside(machine, ["ceph-osd", "-c", configFile, "-i", String(id), "--mkfs", "--osd-uuid", uuid]),
          ]);
          await ceph("osd", "crush", "add", `osd.${id}`, "1.0", `host=h${id}`, "root=default");
          run(machine, "osd", String(id));
        }),
      );
      await Promise.all([ceph("osd", "pool", "create", "meta", "8"), ceph("osd", "pool", "create", "data", "8")]);
      await ceph("fs", "new", FILE_SYSTEM, "meta", "data");
      await whenServing();
      const names = Array.from({ length: DIRECTORIES }, (_, index) => `volume-${index + 1}`);
      await makeDirectories(monitor, directory, configFile, names);
    },
    async start() {
      const running = [...processes.values()].filter((server) => server.running).length;
      if (running === processes.size) return;
      if (running > 0) throw new Error("only a part of the Ceph cluster runs");
      runAll();
      await whenServing();
    },
    async hang() {
      await Promise.all([...processes.values()].map((server) => server.pause()));
    },
    resume() {
      for (const server of processes.values()) server.resume();
    },
    async kill() {
      await Promise.all([...processes.values()].map((server) => server.kill()));
    },
    ceph,
    takeDirectory() {
      taken += 1;
      if (taken > DIRECTORIES) throw new Error(`a Ceph world has ${DIRECTORIES} directories for volumes`);
      return `/volume-${taken}`;
    },
    async dispose() {
      await Promise.all([...processes.values()].map((server) => server.kill()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function makeDirectories(
  machine: NetworkAgent,
  directory: string,
  configFile: string,
  names: readonly string[],
): Promise<void> {
  const mountPoint = mkdtempSync(join(directory, "mount-"));
  const client = startServerProcess({
    name: "ceph-fuse",
    argv: ["ceph-fuse", "-f", "-c", configFile, "--id", "admin", mountPoint],
    enter: machine.enter,
    logFile: join(directory, "log", "mount.out"),
  });
  try {
    await until("the root of CephFS to be mounted", () => client.running && isMounted(mountPoint), {
      timeoutMs: MOUNT_LIMIT_MS,
      seen: () => client.describe(),
    });
    await command(["mkdir", ...names.map((name) => join(mountPoint, name))]);
    await command(["umount", mountPoint]);
    await until("ceph-fuse to end", () => !client.running, { timeoutMs: MOUNT_LIMIT_MS }); // closes its session
  } finally {
    await client.kill();
    if (await isMounted(mountPoint)) await command(["umount", "--lazy", mountPoint]); // something above failed
    rmdirSync(mountPoint);
  }
}

async function isMounted(mountPoint: string): Promise<boolean> {
  return (await command(["cat", "/proc/self/mountinfo"])).stdout.includes(` ${mountPoint} `);
}
