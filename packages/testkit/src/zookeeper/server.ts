import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../agents/until.js";
import { serverMode, type ZooKeeperMode } from "./four-letter.js";
import { freePort } from "./free-port.js";
import { isStopped, type Jvm, logTail, startJvm } from "./jvm.js";
import {
  configFile,
  dataDirectory,
  writeConfig,
  type ZooKeeperConfig,
  type ZooKeeperServerTls,
} from "./server-config.js";

export interface ZooKeeperServerOptions {
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default: one that is free. */
  readonly port?: number;
  /** Also listens with TLS, on {@link ZooKeeperServer.securePort}. */
  readonly tls?: ZooKeeperServerTls;
  /** The server's clock: sessions expire in whole ticks. Default 200. */
  readonly tickMs?: number;
  readonly minSessionMs?: number;
  readonly maxSessionMs?: number;
  /** Further lines of zoo.cfg. */
  readonly settings?: Readonly<Record<string, string>>;
  /** `-D` of the Java process. */
  readonly systemProperties?: Readonly<Record<string, string>>;
  /** Put before the command, e.g. an agent's `enter`: the server then runs in that network. */
  readonly enter?: readonly string[];
  readonly ensemble?: { readonly id: number; readonly hosts: readonly string[] };
}

/** A real ZooKeeper server, and what can happen to one. */
export interface ZooKeeperServer {
  readonly host: string;
  readonly port: number;
  readonly securePort: number | null;
  readonly directory: string;
  readonly logFile: string;
  /** Of the present process; undefined while none runs. */
  readonly pid: number | undefined;
  /** Starts the process; it serves later. */
  launch(): void;
  /** Launches and waits until it serves. */
  start(): Promise<ZooKeeperMode>;
  whenServing(): Promise<ZooKeeperMode>;
  /** What it is now; undefined when it does not answer or does not serve. */
  mode(): Promise<ZooKeeperMode | undefined>;
  /** SIGSTOP: the kernel still accepts connections, nobody answers. Resolves when every thread is seen to be stopped. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
  /** SIGKILL; resolves when the process is gone. Works on a paused server too. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when the process is gone. */
  stop(): Promise<void>;
  /** Deletes all data. Only while no process runs. */
  wipe(): void;
  /** Kills the process and removes the directory. Idempotent. */
  dispose(): Promise<void>;
}

const SERVING_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
const PORT_TRIES = 5;

/** A server that serves. @throws `NOT_FOUND` naming the Debian packages that are missing. */
export async function startZooKeeper(options: ZooKeeperServerOptions = {}): Promise<ZooKeeperServer> {
  for (let tried = 1; ; tried += 1) {
    const server = await createZooKeeperServer(options);
    try {
      await server.start();
      return server;
    } catch (error) {
      const taken = logTail(server.logFile, 200).includes("Address already in use");
      await server.dispose();
      if (!taken || options.port !== undefined || tried === PORT_TRIES) throw error;
    }
  }
}

/** A server that does not run yet. */
export async function createZooKeeperServer(options: ZooKeeperServerOptions = {}): Promise<ZooKeeperServer> {
  const host = options.host ?? "127.0.0.1";
  const directory = mkdtempSync(join(tmpdir(), "holdfast-zookeeper-"));
  const config: ZooKeeperConfig = {
    directory,
    host,
    port: options.port ?? (await freePort()),
    securePort: options.tls === undefined ? null : await freePort(),
    tls: options.tls ?? null,
    tickMs: options.tickMs ?? 200,
    minSessionMs: options.minSessionMs ?? 400,
    maxSessionMs: options.maxSessionMs ?? 60_000,
    ensemble: options.ensemble ?? null,
    settings: options.settings ?? {},
  };
  writeConfig(config);
  return controlServer(config, options);
}

function controlServer(config: ZooKeeperConfig, options: ZooKeeperServerOptions): ZooKeeperServer {
  const { directory, host, port, securePort } = config;
  const logFile = join(directory, "log");
  let jvm: Jvm | undefined;
  const end = async (signal: "SIGKILL" | "SIGTERM") => {
    if (jvm === undefined) return;
    jvm.signal(signal);
    await jvm.ended;
    jvm = undefined;
  };
  const server: ZooKeeperServer = {
    host,
    port,
    securePort,
    directory,
    logFile,
    get pid() {
      return jvm?.running ? jvm.pid : undefined;
    },
    launch() {
      if (jvm?.running) throw new Error(`the server on ${host}:${port} runs already`);
      jvm = startJvm({
        classPath: join(directory, "conf"),
        configFile: configFile(directory),
        logFile,
        enter: options.enter ?? [],
        systemProperties: options.systemProperties ?? {},
      });
    },
    start() {
      server.launch();
      return server.whenServing();
    },
    whenServing: () =>
      until(
        `the ZooKeeper server on ${host}:${port} to serve`,
        () => {
          if (!jvm?.running) throw new Error(`The ZooKeeper server on ${host}:${port} ended:\n${logTail(logFile)}`);
          return serverMode(host, port);
        },
        { timeoutMs: SERVING_LIMIT_MS, intervalMs: 25, seen: () => logTail(logFile) },
      ),
    mode: () => serverMode(host, port),
    async pause() {
      const { pid } = server;
      if (pid === undefined) throw new Error(`no server runs on ${host}:${port}`);
      jvm?.signal("SIGSTOP");
      await until("every thread of the server to stop", () => isStopped(pid), {
        timeoutMs: STOP_LIMIT_MS,
        intervalMs: 2,
      });
    },
    resume: () => jvm?.signal("SIGCONT"),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    wipe() {
      if (jvm?.running) throw new Error(`the server on ${host}:${port} still runs`);
      rmSync(dataDirectory(directory), { recursive: true, force: true });
      writeConfig(config);
    },
    async dispose() {
      await end("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return server;
}
