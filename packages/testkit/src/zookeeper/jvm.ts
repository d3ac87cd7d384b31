import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { findZooKeeperRuntime } from "./runtime.js";

/** One running server process. */
export interface Jvm {
  readonly pid: number;
  readonly running: boolean;
  /** Resolves when the process is gone; at once when it is. */
  readonly ended: Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

export interface JvmOptions {
  readonly classPath: string;
  readonly configFile: string;
  readonly logFile: string;
  /** Put before the command: how to get into the server's network. */
  readonly enter: readonly string[];
  readonly systemProperties: Readonly<Record<string, string>>;
}

/** Small and quick to start; a test server never lives long enough for the optimising compiler. */
const JVM_FLAGS = [
  "-Xmx128m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-XX:-UsePerfData",
  "-Dzookeeper.jmx.log4j.disable=true",
  "-Djava.net.preferIPv4Stack=true",
];
const MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

const living = new Set<ChildProcess>();
let cleanUpInstalled = false;

/** Starts a server. It is killed when this process ends, in whatever way. */
export function startJvm(options: JvmOptions): Jvm {
  const runtime = findZooKeeperRuntime();
  const log = openSync(options.logFile, "a");
  // PR_SET_PDEATHSIG survives exec: the pid is the server's, and a test runner killed with SIGKILL leaves nothing behind.
  const argv = [
    ...options.enter,
    "setpriv",
    "--pdeathsig",
    "KILL",
    "--",
    runtime.java,
    ...JVM_FLAGS,
    ...Object.entries(options.systemProperties).map(([key, value]) => `-D${key}=${value}`),
    "-cp",
    [options.classPath, ...runtime.classPath].join(":"),
    MAIN,
    options.configFile,
  ];
  const [file, ...args] = argv;
  const child = spawn(file ?? "", args, { stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve, reject) => {
    child.once("exit", () => {
      living.delete(child);
      resolve();
    });
    child.once("error", reject);
  });
  living.add(child);
  killAllAtExit();
  return {
    // Undefined only when spawning failed, and then `ended` rejects with the reason.
    pid: child.pid ?? -1,
    get running() {
      return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
    },
    ended,
    signal(signal) {
      child.kill(signal);
    },
  };
}

/** Whether each thread is stopped: the signal takes effect in one after the other, and until then the others serve. */
export function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
      return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
    } catch (error) {
      // It ended in this very moment: then the process was not stopped.
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
        return false;
      throw error;
    }
  });
}

/** The end of a server's log, for an error message. */
export function logTail(logFile: string, lines = 12): string {
  return readFileSync(logFile, "utf8").split("\n").slice(-lines).join("\n");
}

function killAllAtExit(): void {
  if (cleanUpInstalled) return;
  cleanUpInstalled = true;
  process.once("exit", () => {
    for (const child of living) child.kill("SIGKILL");
  });
}
