import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { GuardConfig, GuardOutcome } from "@holdfast/supervisor";
import { buildSync } from "esbuild";
import { onTestFinished } from "vitest";
import { binary, isLive, processesWith, scratch, until } from "../../native/test/harness.js";
import { baseConfig } from "./config.js";

export { isLive, isRoot, scratch, stateOf, until } from "../../native/test/harness.js";

const support = import.meta.dirname;

/** One file, as in the product: reading a hundred modules for each run would take longer than the run. */
const guardHost: string = bundle(join(support, "guard-host.mjs"));

function bundle(entry: string): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-guard-"));
  chmodSync(directory, 0o755);
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const outfile = join(directory, "guard-host.mjs");
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", target: "node20" });
  return outfile;
}

const application: string = join(support, "application.mjs");

/** What the lock process's double does; read anew at each message. */
export interface Behaviour {
  readonly acquire?: "grant" | "wait" | "fail";
  readonly failure?: { readonly code: string; readonly message: string; readonly hint: string };
  readonly confirm?: boolean;
  readonly late?: number;
  readonly history?: "ok" | "fail";
  readonly release?: "ok" | "fail" | "silent";
  readonly lost?: string;
  readonly exitOnRenew?: boolean;
  readonly pendingFence?: { readonly epoch: string; readonly agent: string; readonly what: string };
  readonly fenced?: string;
  readonly run?: string;
}

export interface LockEntry {
  readonly atMs: number;
  readonly pid: number;
  readonly heard?: string;
  readonly event?: string;
  readonly n?: number;
  readonly kind?: string;
  readonly resume?: { readonly run: string } | null;
  readonly settle?: unknown;
  readonly state?: { readonly kind: string; readonly needsFence?: string };
  readonly init?: { readonly pid: number };
}

export interface Guarded {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly directory: string;
  /** In the environment of every process of the run. */
  readonly marker: string;
  /** Where the application writes its heartbeat. */
  readonly data: string;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly atMs: number;
  }>;
  stderr(): string;
  stdout(): string;
  lock(): readonly LockEntry[];
  heard(type: string): readonly LockEntry[];
  behave(behaviour: Behaviour): void;
  outcome(): GuardOutcome;
  /** Times at which the application wrote. */
  beats(): readonly number[];
  /** What the application says happened to it. */
  events(): readonly string[];
  running(): Promise<void>;
  lockPid(): number;
  initPid(): number;
  /** The init's outer process, the guard's own child. */
  sentryPid(): number;
}

export interface GuardSpec {
  readonly config?: Partial<GuardConfig>;
  readonly modes?: readonly string[];
  readonly behaviour?: Behaviour;
  readonly initPath?: string | null;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: "ignore" | "pipe";
  /** A program and arguments in front of the guard's own. */
  readonly wrap?: readonly string[];
}

export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

let counter = 0;

/** Starts a guard in a process of its own. Whatever of it lives when the test ends is killed. */
export function guard(spec: GuardSpec = {}): Guarded {
  const directory = scratch();
  const data = join(directory, "beats");
  const command: [string, ...string[]] = [process.execPath, application, data, ...(spec.modes ?? [])];
  const config: GuardConfig = { ...baseConfig, command, ...spec.config };
  const behave = (behaviour: Behaviour) => {
    // Replaced whole, because the double may read it at any moment.
    writeFileSync(join(directory, "behaviour.tmp"), JSON.stringify(behaviour));
    renameSync(join(directory, "behaviour.tmp"), join(directory, "behaviour.json"));
  };
  behave(spec.behaviour ?? {});
  const initPath = spec.initPath === undefined ? binary : spec.initPath;
  const file = join(directory, "config.json");
  writeFileSync(file, JSON.stringify({ config, initPath, directory, lockDouble: join(support, "lock-double.mjs") }));
  const marker = `HOLDFAST_TEST_GUARD=${process.pid}-${counter++}`;
  const [name = "", value = ""] = marker.split("=");
  const [program = "", ...args] = [...(spec.wrap ?? []), process.execPath, guardHost, file];
  const child = spawn(program, args, {
    stdio: [spec.stdin ?? "ignore", "pipe", "pipe"],
    env: { ...process.env, ...spec.env, [name]: value },
  });
  const stdout = collect(child.stdout as Readable);
  const stderr = collect(child.stderr as Readable);
  const ended = new Promise<Awaited<Guarded["ended"]>>((resolve) =>
    child.on("exit", (code, signal) => resolve({ code, signal, atMs: nowMs() })),
  );
  onTestFinished(async () => {
    for (const pid of processesWith(marker)) if (isLive(pid)) process.kill(pid, "SIGKILL");
    await until("everything of the test gone", () => processesWith(marker).length === 0);
  });
  const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []);
  const lock = () => read(join(directory, "lock.jsonl")).map((line) => JSON.parse(line) as LockEntry);
  const heard = (type: string) => lock().filter((entry) => entry.heard === type);
  const beats = () => read(data).map(Number);
  return {
    process: child,
    pid: child.pid ?? 0,
    directory,
    marker,
    data,
    ended,
    stdout,
    stderr,
    lock,
    heard,
    behave,
    beats,
    events: () => read(`${data}.events`).map((line) => line.slice(line.indexOf(" ") + 1)),
    outcome: () => JSON.parse(readFileSync(join(directory, "outcome.json"), "utf8")) as GuardOutcome,
    async running() {
      await until(
        () => `the application writes; ${stderr()}`,
        () => beats().length > 2,
        20_000,
      );
    },
    lockPid: () => lock().at(-1)?.pid ?? 0,
    initPid: () => heard("tree").at(-1)?.init?.pid ?? 0,
    sentryPid: () => {
      const stat = readFileSync(`/proc/${heard("tree").at(-1)?.init?.pid ?? 0}/stat`, "latin1");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    },
  };
}

function collect(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** A marked volume in a directory of its own. */
export function markedVolume(path: string, service = "orders-db"): string {
  mkdirSync(join(path, ".holdfast"), { recursive: true });
  mkdirSync(join(path, "data"), { recursive: true });
  const mark = {
    v: 1,
    volumeId: crypto.randomUUID(),
    service,
    layout: "data",
    createdAt: new Date().toISOString(),
    role: "data",
  };
  writeFileSync(join(path, ".holdfast/volume.json"), JSON.stringify(mark));
  writeFileSync(join(path, ".holdfast/claim"), "");
  return path;
}

export function volumeConfig(
  path: string,
  more: Partial<NonNullable<GuardConfig["volume"]>> = {},
): Partial<GuardConfig> {
  return { volume: { path, mustBeMounted: false, checkMs: 300, timeoutMs: 1_000, ...more } };
}
