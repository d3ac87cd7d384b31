import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { resolveUser, type UserIds } from "@holdfast/effects";
import { type Child, startChild } from "../child.js";
import { signalProcess } from "../processes.js";
import { isThere, type Requirement } from "../requirements.js";
import { until } from "../until.js";
import type { DevStore } from "./types.js";

const JARS = "/usr/share/java";
/** Started by root, it runs as somebody who may do nothing else. */
const USER = "nobody";
const PORT = 2181;
const START_MS = 30_000;
const STOP_MS = 10_000;

/** The library brings the server; Debian's package `zookeeper` adds a start script and a user only. */
export const ZOOKEEPER_REQUIREMENTS: readonly Requirement[] = [
  { needs: "java", debianPackage: "default-jre-headless" },
  { needs: "setpriv", debianPackage: "util-linux" },
  { needs: `${JARS}/zookeeper.jar`, debianPackage: "libzookeeper-java" },
  { needs: `${JARS}/slf4j-log4j12.jar`, debianPackage: "libslf4j-java" },
  { needs: `${JARS}/log4j-1.2.jar`, debianPackage: "liblog4j1.2-java" },
];

export interface ZooKeeperOptions {
  readonly directory: string;
  readonly host: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A real ZooKeeper server on this machine; agents reach it over the network, so a cut needs nothing more. */
export async function startZooKeeper(options: ZooKeeperOptions): Promise<DevStore> {
  const { directory, host } = options;
  mkdirSync(join(directory, "data"), { recursive: true });
  writeFileSync(join(directory, "zoo.cfg"), zooCfg(directory, host));
  writeFileSync(join(directory, "log4j.properties"), LOG_SETTINGS);
  const user = process.getuid?.() === 0 ? await resolveUser(USER) : undefined;
  if (user !== undefined) for (const name of ["", "data"]) chownSync(join(directory, name), user.uid, user.gid);
  const logFile = join(directory, "log");
  const server = await startChild({
    // Dies with this program, however that ends.
    argv: ["setpriv", ...asUser(user), "--pdeathsig", "KILL", "--", "java", ...JAVA_OPTIONS, ...mainClass(directory)],
    env: options.env,
    cwd: directory,
    logFile,
    stdin: "ignore",
  });
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  try {
    await until(
      `ZooKeeper on ${host}:${PORT} to serve`,
      () => {
        if (ended) throw endedEarly(logFile);
        return serves(host);
      },
      { timeoutMs: START_MS, intervalMs: 50, signal: options.signal, seen: () => tail(logFile) },
    );
  } catch (error) {
    signalProcess(server, "SIGKILL");
    await server.ended;
    throw error;
  }
  return control(server, host);
}

function control(server: Child, host: string): DevStore {
  let hung = false;
  const url = `zookeeper://${host}:${PORT}`;
  return {
    kind: "zookeeper",
    url,
    hostUrl: url,
    async cut() {
      // The network does it.
    },
    async heal() {
      // As with `cut`.
    },
    async hang() {
      signalProcess(server, "SIGSTOP");
      hung = true;
    },
    async resume() {
      signalProcess(server, "SIGCONT");
      hung = false;
    },
    isHung: () => hung,
    async close() {
      signalProcess(server, "SIGCONT");
      signalProcess(server, "SIGTERM");
      const late = setTimeout(() => signalProcess(server, "SIGKILL"), STOP_MS);
      await server.ended;
      clearTimeout(late);
    },
  };
}

function asUser(user: UserIds | undefined): string[] {
  return user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
}

const JAVA_OPTIONS = [
  "-Xmx128m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-Dzookeeper.jmx.log4j.disable=true",
  "-Djava.net.preferIPv4Stack=true",
];

function mainClass(directory: string): string[] {
  const jars = ["zookeeper", "slf4j-log4j12", "log4j-1.2", "servlet-api"].map((name) => `${JARS}/${name}.jar`);
  const classPath = [directory, ...jars.filter(isThere)].join(":");
  const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
  return ["-cp", classPath, main, join(directory, "zoo.cfg")];
}

/** Short ticks, so that sessions as short as the demo's leases are granted. */
function zooCfg(directory: string, host: string): string {
  return [
    "tickTime=200",
    "minSessionTimeout=400",
    "maxSessionTimeout=60000",
    `dataDir=${join(directory, "data")}`,
    `clientPort=${PORT}`,
    `clientPortAddress=${host}`,
    "4lw.commands.whitelist=srvr",
    "admin.enableServer=false",
    "",
  ].join("\n");
}

const LOG_SETTINGS = `log4j.rootLogger=INFO, CONSOLE
log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n
`;

/** `srvr` names a mode once requests are served; `ruok` says yes long before. */
function serves(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host, port: PORT });
    const done = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(500, () => done(false));
    socket.on("connect", () => socket.write("srvr"));
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.on("error", () => done(false));
    socket.on("close", () => done(/^Mode: /m.test(answer)));
  });
}

function endedEarly(logFile: string): HoldfastError {
  return new HoldfastError("STORE_UNREACHABLE", `ZooKeeper ended: ${tail(logFile)}`, { hint: `See ${logFile}.` });
}

function tail(logFile: string): string {
  return readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-3).join(" | ");
}
