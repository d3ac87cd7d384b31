import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../../agents/command.js";
import type { AgentNetwork } from "../../agents/network.js";
import { until } from "../../agents/until.js";
import { startServerProcess } from "../server-process.js";
import { createGlusterServer, type GlusterServer } from "./server.js";

/** Gluster servers that trust each other, and the volumes on them. */
export interface GlusterCluster {
  readonly servers: readonly [GlusterServer, ...GlusterServer[]];
  /** What `gluster …` prints, asked on the first server. */
  gluster(...args: readonly string[]): Promise<string>;
  /** A volume with one copy on each server; started, every brick up. */
  createVolume(name: string): Promise<void>;
  removeVolume(name: string): Promise<void>;
  /** Makes a directory on a volume, through a mount that is taken away again. */
  makeDirectory(volume: string, path: string): Promise<void>;
  /** The servers that are not running; every brick of every volume up. */
  start(): Promise<void>;
  hang(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  /** After bricks were killed or servers cut off: every brick of every volume up, the servers in touch. */
  revive(): Promise<void>;
  /** Fills every brick's file system; returns what frees them. */
  fill(): Promise<() => Promise<void>>;
  /** Ends everything and removes the files. */
  dispose(): Promise<void>;
}

export interface GlusterClusterOptions {
  readonly replicas: number;
  readonly brickMiB: number;
  /** Set on every volume. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Blocks without writing them, then what is left: fallocate that fails has taken some. dd ends only when there is no room. */
const FILL = `fallocate -l "$(($(stat -f -c '%a * %S' "$(dirname "$1")")))" "$1"
! dd if=/dev/zero of="$1.rest" bs=64k conv=fsync status=none`;
const SERVING_LIMIT_MS = 60_000;
const MOUNT_LIMIT_MS = 15_000;

export async function createGlusterCluster(
  network: AgentNetwork,
  { replicas, brickMiB, settings }: GlusterClusterOptions,
): Promise<GlusterCluster> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-gluster-"));
  const servers: GlusterServer[] = [];
  for (let number = 1; number <= replicas; number += 1) {
    const place = join(directory, String(number));
    mkdirSync(place);
    servers.push(await createGlusterServer(await network.addAgent(), place, brickMiB));
  }
  const [first, ...others] = servers;
  if (first === undefined) throw new Error("a Gluster cluster needs a server");
  const ask = async (server: GlusterServer, ...args: readonly string[]) =>
    (await command([...server.cli, "--mode=script", ...args])).stdout;
  const gluster = (...args: readonly string[]) => ask(first, ...args);
  const answers = (server: GlusterServer, ...args: readonly string[]) => ask(server, ...args).catch(() => "");
  const all = (act: (server: GlusterServer) => Promise<unknown>) => Promise.all(servers.map(act));
  const seen = () => servers.map((server) => server.describe()).join("\n");
  const wait = (what: string, observe: () => Promise<boolean>) =>
    until(what, observe, { timeoutMs: SERVING_LIMIT_MS, intervalMs: 100, seen });
  const volumes = async () =>
    (await answers(first, "volume", "list")).split("\n").filter((name) => /^[\w-]+$/.test(name));
  const whenBricksServe = () =>
    wait("every brick to be up", async () => {
      const volumes = (await answers(first, "volume", "list")).split("\n").filter((name) => /^[\w-]+$/.test(name));
      for (const name of volumes)
        if (!allOnline(await answers(first, "volume", "status", name), replicas)) return false;
      return true;
    });
  const start = async () => {
    for (const server of servers) server.start();
    for (const server of servers)
      await wait("glusterd to answer", async () => (await answers(server, "pool", "list")).includes("localhost"));
  };
  const whenPooled = () =>
    wait("the servers to know each other", async () => {
      const lists = await Promise.all(servers.map((server) => answers(server, "pool", "list")));
      return lists.every((list) => [...list.matchAll(/\bConnected\b/g)].length === replicas);
    });
  const running = {
    servers: [first, ...others] as const,
    gluster,
    async createVolume(name: string) {
      const bricks = servers.map((server) => `${server.machine.address}:${server.brickDirectory}/${name}`);
      await gluster(
        "volume",
        "create",
        name,
        ...(replicas > 1 ? ["replica", String(replicas)] : []),
        ...bricks,
        "force",
      );
      await gluster("volume", "set", name, ...Object.entries(settings).flat());
      await gluster("volume", "start", name);
      await whenBricksServe();
    },
    async removeVolume(name: string) {
      await gluster("volume", "stop", name, "force");
      await gluster("volume", "delete", name);
    },
    makeDirectory: (volume: string, path: string) => makeDirectory(first, directory, volume, path),
    async start() {
      await start();
      await whenPooled();
      await whenBricksServe();
    },
    async revive() {
      await whenPooled();
      for (const name of await volumes())
        if (!allOnline(await answers(first, "volume", "status", name), replicas))
          await gluster("volume", "start", name, "force");
      await whenBricksServe();
    },
    async hang() {
      await all((server) => server.hang());
    },
    async resume() {
      await all((server) => server.resume());
    },
    async kill() {
      await all((server) => server.kill());
    },
    async fill() {
      const filler = (server: GlusterServer) => join(server.brickDirectory, "filler");
      await all((server) => server.inside(["sh", "-c", FILL, "sh", filler(server)]));
      return async () => {
        await all((server) => server.inside(["rm", "-f", filler(server), `${filler(server)}.rest`]));
      };
    },
    async dispose() {
      await running.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await start();
    for (const { machine } of others) await gluster("peer", "probe", machine.address);
    await whenPooled();
  } catch (error) {
    await running.dispose();
    throw error;
  }
  return running;
}

async function makeDirectory({ machine }: GlusterServer, directory: string, volume: string, path: string) {
  const mountPoint = mkdtempSync(join(directory, "mount-"));
  const client = startServerProcess({
    name: "glusterfs",
    argv: ["glusterfs", "-N", `--volfile-server=${machine.address}`, `--volfile-id=${volume}`, mountPoint],
    enter: machine.enter,
    logFile: join(directory, "mount.out"),
  });
  const mounted = async () => (await command(["cat", "/proc/self/mountinfo"])).stdout.includes(` ${mountPoint} `);
  const limit = { timeoutMs: MOUNT_LIMIT_MS, seen: () => client.describe() };
  try {
    await until("the volume to be mounted", async () => client.running && (await mounted()), limit);
    await command(["mkdir", "-p", join(mountPoint, path)]);
    await command(["umount", mountPoint]);
    await until("its client to end", () => !client.running, limit);
  } finally {
    await client.kill();
    if (await mounted()) await command(["umount", "--lazy", mountPoint]);
    rmSync(mountPoint, { recursive: true, force: true });
  }
}

/** `Brick 10.83.1.1:/path   52373   0   Y   123`; a long name is broken into two lines. */
function allOnline(status: string, bricks: number): boolean {
  const online = [...status.matchAll(/^Brick\s[^\n]*(?:\n(?!Brick|Self)[^\n]*)?\s\d+\s+\d+\s+Y\s+\d+/gm)];
  return online.length === bricks;
}
