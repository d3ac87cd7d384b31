import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NetworkAgent } from "../../agents/agent.js";
import { command } from "../../agents/command.js";
import { until } from "../../agents/until.js";
import { type ServerProcess, startServerProcess } from "../server-process.js";

/**
 * One Gluster server: glusterd, its bricks and its self-heal daemon in a PID and a mount namespace of their own, because several on one
 * machine would share /var/lib/glusterd and /run. Bricks lie on a file system of limited size.
 */
export interface GlusterServer {
  readonly machine: NetworkAgent;
  /** Where its bricks go, as it sees it. */
  readonly brickDirectory: string;
  /** The `gluster` command on this server, from anywhere. */
  readonly cli: readonly [string, ...string[]];
  /** Nothing where it runs already: a second glusterd would take its /run and end with its port in use. */
  start(): void;
  /** SIGSTOP to everything of it. */
  hang(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  /** Pids of its brick processes. */
  bricks(): Promise<number[]>;
  /** Runs a command where the bricks are seen. */
  inside(argv: readonly [string, ...string[]]): Promise<string>;
  describe(): string;
}

const HANG_LIMIT_MS = 10_000;
/** The last process of a server unmounts the bricks, which writes back what is unwritten. */
const KILL_LIMIT_MS = 60_000;

/**
 * Ends with glusterd; as process 1 of the namespace it takes bricks along, and reaps them meanwhile. Not `mount -o loop`, which asks every
 * loop device of the machine for its file and hangs with any of them; detaching a mounted one makes it go with the mount.
 */
const SCRIPT = `set -e
mount --bind "$1/lib" /var/lib/glusterd
mount --bind "$1/log" /var/log/glusterfs
mount --bind "$1/run" /run
device=$(losetup --find --show "$1/bricks.img")
mount "$device" "$1/bricks"
losetup --detach "$device"
glusterd --no-daemon --volfile="$1/glusterd.vol" &
wait $!`;

/**
 * Needs no process of the server, so that it stays the same over its restarts. `heal info` knows no other path of the socket than
 * the built-in one.
 */
const CLI = `mount --bind "$1/run" /run && mount --bind "$1/log" /var/log/glusterfs && shift && exec gluster "$@"`;

/** `ping-timeout` is 0 by default: a server that vanishes would then block administration for minutes. */
const GLUSTERD_VOL = `volume management
    type mgmt/glusterd
    option working-directory /var/lib/glusterd
    option transport-type socket
    option transport.socket.keepalive-time 5
    option transport.socket.keepalive-interval 2
    option transport.socket.read-fail-log off
    option transport.socket.listen-port 24007
    option ping-timeout 5
    option event-threads 1
    option max-port 60999
end-volume
`;

export async function createGlusterServer(
  machine: NetworkAgent,
  directory: string,
  brickMiB: number,
): Promise<GlusterServer> {
  for (const name of ["lib", "log", "run", "bricks"]) mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, "glusterd.vol"), GLUSTERD_VOL);
  const image = join(directory, "bricks.img");
  writeFileSync(image, "");
  truncateSync(image, brickMiB * 1024 ** 2);
  await command(["mkfs.ext4", "-q", "-m", "0", image]);
  let server: ServerProcess | undefined;
  const signal = async (name: "SIGSTOP" | "SIGCONT") => {
    for (const pid of await machine.pids()) process.kill(pid, name);
  };
  /** Any process of its mount namespace will do; process 1 of its PID namespace lives as long as it. */
  const inside = async (argv: readonly [string, ...string[]]) => {
    const pid = await pidOf("glusterd");
    if (pid === undefined) throw new Error(`${machine.name} has no glusterd`);
    return (await command(["nsenter", "--target", String(pid), "--mount", "--net", "--", ...argv])).stdout;
  };
  const named = async (name: string) => {
    const pids = await machine.pids();
    if (pids.length === 0) return [];
    const { stdout } = await command(["ps", "-o", "pid=,comm=", "-p", pids.join(",")]);
    return [...stdout.matchAll(/^\s*(\d+) (\S+)$/gm)]
      .filter(([, , comm]) => comm === name)
      .map(([, pid]) => Number(pid));
  };
  const pidOf = async (name: string) => (await named(name))[0];
  return {
    machine,
    brickDirectory: join(directory, "bricks"),
    cli: [
      ...(machine.enter as [string, ...string[]]),
      ...["unshare", "--mount", "--propagation", "private", "sh", "-c", CLI, "sh", directory],
    ],
    start() {
      if (server?.running) return;
      // Pid files of bricks that died: in the new namespace their numbers belong to others.
      rmSync(join(directory, "run"), { recursive: true, force: true });
      mkdirSync(join(directory, "run", "gluster"), { recursive: true });
      server = startServerProcess({
        name: `glusterd on ${machine.name}`,
        argv: [
          ...(["unshare", "--mount", "--propagation", "private"] as const),
          ...["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", SCRIPT, "sh", directory],
        ],
        enter: machine.enter,
        logFile: join(directory, "log", "out"),
      });
    },
    async hang() {
      // A process that is born between the list and its signal is in the next list.
      await until(
        `everything on ${machine.name} to stop`,
        async () => {
          await signal("SIGSTOP");
          const pids = await machine.pids();
          const { stdout } = await command(["ps", "-o", "stat=", "-p", pids.join(",")]);
          return stdout
            .trim()
            .split("\n")
            .every((state) => /^[TZ]/.test(state));
        },
        { timeoutMs: HANG_LIMIT_MS },
      );
    },
    resume: () => signal("SIGCONT"),
    async kill() {
      await server?.kill();
      let left: number[] = [];
      const end = async () => {
        left = await machine.pids();
        return left.length === 0;
      };
      const seen = () => `processes ${left.join(" ")}`;
      await until(`everything on ${machine.name} to end`, end, { timeoutMs: KILL_LIMIT_MS, seen });
    },
    bricks: () => named("glusterfsd"),
    inside,
    describe: () => server?.describe() ?? `glusterd on ${machine.name} was never started`,
  };
}
