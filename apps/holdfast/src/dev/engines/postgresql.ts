import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { demoEngineOptionsSchema, userOf } from "./options.js";
import { readinessByConnecting } from "./readiness.js";
import { lateCommand } from "./shell.js";
import { parsePairs, quote, requireListener, SqlClient } from "./sql-client.js";
import type { ClientTarget, DemoEngine, DemoSession } from "./types.js";

const VERSIONS = "/usr/lib/postgresql";
const SUPERUSER = "postgres";

/** Debian keeps the server's programs out of the search path, one directory per version; the newest is taken. */
function programs(): string {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).filter((name) => /^\d+$/.test(name)) : [];
  const withServer = versions.filter((version) => existsSync(join(VERSIONS, version, "bin/postgres")));
  const newest = withServer.sort((a, b) => Number(b) - Number(a))[0] ?? "15";
  return join(VERSIONS, newest, "bin");
}

/** PostgreSQL with its own durable defaults, reached over a socket in the agent's own directory. */
export function createPostgreSqlEngine(): DemoEngine {
  const bin = programs();
  return {
    apiVersion: 1,
    type: "postgresql",
    optionsSchema: demoEngineOptionsSchema,
    requirements: [
      { needs: join(bin, "postgres"), debianPackage: "postgresql" },
      { needs: join(bin, "initdb"), debianPackage: "postgresql" },
      { needs: "psql", debianPackage: "postgresql-client" },
    ],
    port: 5432,
    packageUser: "postgres",
    backupLevels: [],
    durability: () => ({
      losesNothing: true,
      explanation: "fsync and synchronous_commit are on: acknowledged means the WAL is flushed",
    }),
    recoveryMsMax: () => 120_000,
    initialCommand: ({ options }) => ({
      argv: lateCommand(`"$1/initdb" -D "$HOLDFAST_DATA_DIR" -A trust -U ${SUPERUSER} -E UTF8 --locale=C`, bin),
      env: { LC_ALL: "C" },
      stopSignal: "SIGTERM",
      user: userOf(options),
    }),
    command: ({ sandboxDir, port, options }) => ({
      argv: lateCommand(
        '"$1/postgres" -D "$HOLDFAST_DATA_DIR" -k "$2" -p "$3" -c listen_addresses= ' +
          // A parameter of our own, which the server shows to every client.
          '-c fsync=on -c synchronous_commit=on -c "holdfast.epoch=$HOLDFAST_EPOCH"',
        bin,
        sandboxDir,
        String(port),
      ),
      env: { LC_ALL: "C" },
      // Fast shutdown: sessions are ended, data is flushed.
      stopSignal: "SIGINT",
      user: userOf(options),
    }),
    readiness: (op, context) => readinessByConnecting(connectPostgreSql, op, context),
    connect: connectPostgreSql,
  };
}

async function connectPostgreSql({ runDir, port }: ClientTarget, signal: AbortSignal): Promise<DemoSession> {
  await requireListener(join(runDir, `.s.PGSQL.${port}`), signal);
  const options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", runDir, "-p", String(port)];
  const client = new SqlClient(
    ["psql", ...options, "-U", SUPERUSER, "-d", "postgres"],
    (text) => `SELECT ${quote(text)};`,
    signal,
  );
  try {
    await client.run("SET client_min_messages = warning;");
    await client.run("CREATE TABLE IF NOT EXISTS writes (k text PRIMARY KEY, v text NOT NULL);");
    const [epoch] = await client.run("SHOW holdfast.epoch;");
    return sessionOf(client, BigInt(epoch ?? ""));
  } catch (error) {
    client.close();
    throw error;
  }
}

function sessionOf(client: SqlClient, epoch: bigint): DemoSession {
  return {
    epoch,
    async insert(key, value) {
      await client.run(`INSERT INTO writes VALUES (${quote(key)}, ${quote(value)});`);
    },
    readAll: async () => parsePairs(await client.run("SELECT k || '|' || v FROM writes;")),
    close: () => client.close(),
  };
}
