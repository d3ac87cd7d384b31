import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files of a server that also listens with TLS; all PEM. */
export interface ZooKeeperServerTls {
  /** Certificate chain, then private key. */
  readonly keyStoreFile: string;
  readonly trustStoreFile: string;
  /** Whether a client must show a certificate; default `need`. */
  readonly clientAuth?: "need" | "none";
}

export interface ZooKeeperConfig {
  readonly directory: string;
  readonly host: string;
  readonly port: number;
  readonly securePort: number | null;
  readonly tls: ZooKeeperServerTls | null;
  readonly tickMs: number;
  readonly minSessionMs: number;
  readonly maxSessionMs: number;
  /** Null = alone. */
  readonly ensemble: { readonly id: number; readonly hosts: readonly string[] } | null;
  /** Further lines of zoo.cfg. */
  readonly settings: Readonly<Record<string, string>>;
}

const QUORUM_PORT = 2888;
const ELECTION_PORT = 3888;
/** How long a follower may take to join, and how long it may be out of touch with its leader. */
const INIT_LIMIT_MS = 5_000;
const SYNC_LIMIT_MS = 2_000;

export const configFile = (directory: string) => join(directory, "conf", "zoo.cfg");
export const dataDirectory = (directory: string) => join(directory, "data");

/** Writes the configuration, and the server's number where it is one of several. */
export function writeConfig(config: ZooKeeperConfig): void {
  const { directory } = config;
  mkdirSync(join(directory, "conf"), { recursive: true });
  mkdirSync(dataDirectory(directory), { recursive: true });
  writeFileSync(configFile(directory), `${configLines(config).join("\n")}\n`);
  writeFileSync(join(directory, "conf", "log4j.properties"), LOG_SETTINGS);
  if (config.ensemble !== null) writeFileSync(join(dataDirectory(directory), "myid"), `${config.ensemble.id}\n`);
}

function configLines(config: ZooKeeperConfig): string[] {
  const { directory, host, port, tickMs, ensemble } = config;
  return [
    `tickTime=${tickMs}`,
    `minSessionTimeout=${config.minSessionMs}`,
    `maxSessionTimeout=${config.maxSessionMs}`,
    `dataDir=${dataDirectory(directory)}`,
    `clientPort=${port}`,
    `clientPortAddress=${host}`,
    "maxClientCnxns=0",
    "4lw.commands.whitelist=*",
    "admin.enableServer=false",
    ...tlsLines(config),
    ...(ensemble === null ? [] : ensembleLines(ensemble.hosts, tickMs)),
    ...Object.entries(config.settings).map(([key, value]) => `${key}=${value}`),
  ];
}

function tlsLines({ host, securePort, tls }: ZooKeeperConfig): string[] {
  if (tls === null || securePort === null) return [];
  return [
    `secureClientPort=${securePort}`,
    `secureClientPortAddress=${host}`,
    "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
    `ssl.keyStore.location=${tls.keyStoreFile}`,
    "ssl.keyStore.type=PEM",
    `ssl.trustStore.location=${tls.trustStoreFile}`,
    "ssl.trustStore.type=PEM",
    `ssl.clientAuth=${tls.clientAuth ?? "need"}`,
  ];
}

function ensembleLines(hosts: readonly string[], tickMs: number): string[] {
  return [
    `initLimit=${Math.ceil(INIT_LIMIT_MS / tickMs)}`,
    `syncLimit=${Math.ceil(SYNC_LIMIT_MS / tickMs)}`,
    "cnxTimeout=1",
    ...hosts.map((host, index) => `server.${index + 1}=${host}:${QUORUM_PORT}:${ELECTION_PORT}`),
  ];
}

const LOG_SETTINGS = `log4j.rootLogger=INFO, CONSOLE
log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n
`;
