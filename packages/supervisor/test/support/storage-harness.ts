import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GuardConfig } from "@holdfast/supervisor";
import { commandOf, processesWith } from "../../native/test/harness.js";
import { storageConfig } from "./config.js";
import { type Behaviour, type Guarded, guard, scratch, volumeConfig } from "./harness.js";

/** Above what a program in Node takes to start on a busy machine. */
const CUT_MS_MAX = 15_000;
const double: string = join(import.meta.dirname, "storage-double.mjs");

/** What the storage double does; read anew at each message. */
export interface StorageBehaviour {
  readonly up?: "ok" | "fail" | "silent" | "exit" | "hanging";
  readonly down?: "ok" | "silent" | "unclean" | "exit";
  readonly cut?: "cut" | "incomplete" | "hang" | "garbage";
}

export interface StorageEntry {
  readonly atMs: number;
  readonly verb: "serve" | "cut";
  readonly event: string;
  readonly how?: string;
  /** Processes of the trees that lived when the cut program ran. */
  readonly left?: number;
}

export interface StorageRun extends Guarded {
  readonly volume: string;
  storage(event: string): readonly StorageEntry[];
  behaveStorage(behaviour: StorageBehaviour): void;
  servePid(): number;
  storageInitPid(): number;
  storageSentryPid(): number;
  /** All processes of this run, whichever tree they are of. */
  everyPid(): number[];
}

interface StorageRunSpec {
  readonly config?: Partial<GuardConfig>;
  readonly storage?: Partial<NonNullable<GuardConfig["storage"]>>;
  readonly modes?: readonly string[];
  readonly behaviour?: Behaviour;
  readonly does?: StorageBehaviour;
  readonly volumeTimeoutMs?: number;
}

/** A guard whose volume is brought by the storage double. */
export function guardWithStorage(spec: StorageRunSpec = {}): StorageRun {
  const directory = scratch();
  const volume = join(scratch(), "volume");
  mkdirSync(volume);
  const mounts = spec.storage?.mounts ?? true;
  const behaveStorage = (behaviour: StorageBehaviour) => {
    // Replaced whole, because the double may read it at any moment.
    writeFileSync(join(directory, "behaviour.tmp"), JSON.stringify(behaviour));
    renameSync(join(directory, "behaviour.tmp"), join(directory, "behaviour.json"));
  };
  behaveStorage(spec.does ?? {});
  writeFileSync(join(directory, "double.json"), JSON.stringify({ volume, mounts }));
  writeFileSync(join(directory, "storage.jsonl"), "");
  const program = (verb: string): [string, ...string[]] => [process.execPath, double, verb, directory];
  const storage = {
    ...storageConfig,
    cutMsMax: CUT_MS_MAX,
    ...spec.storage,
    serve: program("serve"),
    cutProgram: program("cut"),
  };
  const { modes = [], behaviour = {} } = spec;
  const config = {
    ...volumeConfig(volume, { mustBeMounted: mounts, timeoutMs: spec.volumeTimeoutMs ?? 1_000 }),
    storage,
    ...spec.config,
  };
  const run = guard({ config, modes, behaviour });
  const entries = () =>
    readFileSync(join(directory, "storage.jsonl"), "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as StorageEntry);
  // As this machine sees it; in its own namespace it has another number.
  const serving = program("serve").join("\0");
  const storageInitPid = () => run.heard("tree").at(0)?.init?.pid ?? 0;
  return {
    ...run,
    volume,
    behaveStorage,
    storage: (event) => entries().filter((entry) => entry.event === event),
    servePid: () => processesWith(run.marker).find((pid) => commandOf(pid).startsWith(serving)) ?? 0,
    storageInitPid,
    storageSentryPid: () => parentOf(storageInitPid()),
    everyPid: () => processesWith(run.marker),
  };
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Processes of the whole machine in whose mount table this path is; for each a line of it. */
export function mountsOf(path: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, "latin1")
          .split("\n")
          .filter((line) => line.includes(` ${path} `));
      } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        if (["ENOENT", "ESRCH", "EINVAL", "EACCES"].includes(code)) return [];
        throw error;
      }
    });
}
