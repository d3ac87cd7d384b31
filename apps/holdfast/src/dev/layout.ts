import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { type ProcessIdentity, readProcess } from "@holdfast/effects";
import * as z from "zod";

/** Where everything of one cluster lies. */
export interface Layout {
  readonly directory: string;
  readonly controlSocket: string;
  readonly owner: string;
  readonly token: string;
  readonly volume: string;
  /** The directory store itself; agents reach it through links of their own. */
  readonly store: string;
  readonly zookeeper: string;
  readonly writers: string;
  agent(name: string): AgentLayout;
}

export interface AgentLayout {
  readonly directory: string;
  /** The agent's own way to the directory store: a link that a cut leaves dangling. */
  readonly store: string;
  /** Sockets and pid files of its databases. */
  readonly run: string;
  readonly tasks: string;
  readonly log: string;
}

/** A socket's path has 107 bytes; the longest of ours is a run's status socket. */
const DIRECTORY_BYTES_MAX = 60;

export function layoutOf(directory: string): Layout {
  return {
    directory,
    controlSocket: join(directory, "control.sock"),
    owner: join(directory, "cluster.json"),
    token: join(directory, "token"),
    volume: join(directory, "volume"),
    store: join(directory, "store"),
    zookeeper: join(directory, "zookeeper"),
    writers: join(directory, "writers"),
    agent(name) {
      const own = join(directory, "agents", name);
      return {
        directory: own,
        store: join(own, "store"),
        run: join(own, "run"),
        tasks: join(own, "tasks"),
        log: join(own, "agent.log"),
      };
    },
  };
}

export function defaultDirectory(purpose: "dev" | "demo"): string {
  return join(tmpdir(), `holdfast-${purpose}-${process.getuid?.() ?? 0}`);
}

const ownerSchema = z.looseObject({
  v: z.literal(1),
  id: z.string(),
  pid: z.int(),
  startTicks: z.string(),
  /** Everything was ended and taken down; only logs are left. */
  ended: z.boolean().default(false),
});
export type Owner = z.output<typeof ownerSchema>;

/**
 * Makes the directory ours: new, empty, or left over from a cluster that has ended.
 * @throws `BUSY` when a cluster runs there, `INVALID_SPEC` when it holds something else or the path does not fit.
 */
export function claimDirectory(path: string, id: string): Layout {
  const directory = isAbsolute(path) ? path : resolve(path);
  if (Buffer.byteLength(directory) > DIRECTORY_BYTES_MAX) {
    throw new HoldfastError("INVALID_SPEC", `The path ${directory} is too long for the sockets below it.`, {
      hint: `Choose a directory whose path has at most ${DIRECTORY_BYTES_MAX} bytes.`,
    });
  }
  const layout = layoutOf(directory);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const stats = lstatSync(directory);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.()) {
    throw new HoldfastError("INVALID_SPEC", `${directory} is not a directory of this user.`, {
      hint: "Give another one with --dir.",
    });
  }
  const before = readOwner(layout);
  if (before !== undefined && !before.ended && isAlive(before)) {
    throw new HoldfastError("BUSY", `A cluster runs in ${directory} already (process ${before.pid}).`, {
      hint: "Use `holdfast dev down`, or give another directory with --dir.",
    });
  }
  if (before === undefined && readdirSync(directory).length > 0) {
    throw new HoldfastError("INVALID_SPEC", `${directory} holds something else.`, {
      hint: "Give an empty directory, or one that does not exist.",
    });
  }
  for (const name of readdirSync(directory)) rmSync(`${directory}/${name}`, { recursive: true, force: true });
  // Of two that start at the same moment, one finds the file there and fails.
  writeFileSync(layout.owner, JSON.stringify(selfAs(id, false)), { flag: "wx" });
  return layout;
}

/**
 * A database that runs as a user of its own must find its way to the volume.
 * @throws `DENIED` naming the directory that is closed.
 */
export function requireSearchable(directory: string, user: string): void {
  for (let path = directory; path !== dirname(path); path = dirname(path)) {
    if ((statSync(path).mode & 0o001) !== 0) continue;
    throw new HoldfastError("DENIED", `The database runs as user ${user}, who may not pass through ${path}.`, {
      hint: `Give another directory with --dir, or: chmod o+x ${path}`,
    });
  }
}

/** What is left there are logs; the next cluster may replace them. */
export function releaseDirectory(layout: Layout, id: string): void {
  writeFileSync(layout.owner, JSON.stringify(selfAs(id, true)));
}

function selfAs(id: string, ended: boolean): Owner {
  return { v: 1, id, pid: process.pid, startTicks: readProcess(process.pid)?.startTicks ?? "", ended };
}

/** Undefined when no cluster ever was there. */
export function readOwner(layout: Layout): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(layout.owner, "utf8")));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

export function isAlive(owner: Pick<ProcessIdentity, "pid" | "startTicks">): boolean {
  return readProcess(owner.pid)?.startTicks === owner.startTicks;
}

/** Data, sockets, links and the token; what tells how it went stays. */
export function removeAllButLogs(layout: Layout): void {
  for (const path of [layout.volume, layout.store, layout.zookeeper, layout.token, layout.controlSocket]) {
    rmSync(path, { recursive: true, force: true });
  }
  for (const agent of listIfThere(join(layout.directory, "agents"))) {
    const { store, run, tasks } = layout.agent(agent);
    rmSync(store, { force: true });
    rmSync(run, { recursive: true, force: true });
    // A run that was killed could not take its socket away.
    for (const task of listIfThere(tasks)) rmSync(join(tasks, task, "status.sock"), { force: true });
  }
}

function listIfThere(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
