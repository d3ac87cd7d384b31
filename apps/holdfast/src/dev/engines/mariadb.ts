import { userInfo } from "node:os";
import { join } from "node:path";
import { demoEngineOptionsSchema, userOf } from "./options.js";
import { readinessByConnecting } from "./readiness.js";
import { lateCommand } from "./shell.js";
import { parsePairs, quote, requireListener, SqlClient } from "./sql-client.js";
import type { ClientTarget, DemoEngine, DemoSession } from "./types.js";

const DATABASE = "holdfast";

/** MariaDB with InnoDB's full durability, reached over a socket in the agent's own directory. */
export function createMariaDbEngine(): DemoEngine {
  return {
    apiVersion: 1,
    type: "mariadb",
    optionsSchema: demoEngineOptionsSchema,
    requirements: [
      { needs: "mariadbd", debianPackage: "mariadb-server" },
      { needs: "mariadb-install-db", debianPackage: "mariadb-server" },
      { needs: "mariadb", debianPackage: "mariadb-client" },
    ],
    port: 3306,
    packageUser: "mysql",
    backupLevels: [],
    durability: () => ({
      losesNothing: true,
      explanation: "innodb_flush_log_at_trx_commit=1: acknowledged means the redo log is fsynced",
    }),
    recoveryMsMax: () => 120_000,
    initialCommand: ({ options }) => ({
      argv: lateCommand(
        'mariadb-install-db --no-defaults --datadir="$HOLDFAST_DATA_DIR" --skip-test-db ' +
          '--auth-root-authentication-method=socket --auth-root-socket-user="$1"',
        userInfo().username,
      ),
      env: {},
      stopSignal: "SIGTERM",
      user: userOf(options),
    }),
    command: ({ sandboxDir, options }) => ({
      argv: lateCommand(
        'mariadbd --no-defaults --datadir="$HOLDFAST_DATA_DIR" --socket="$1/mariadb.sock" ' +
          '--pid-file="$1/mariadb.pid" --skip-networking --skip-log-bin --innodb-flush-log-at-trx-commit=1 ' +
          // A number that the server carries and shows to every client.
          '--innodb-buffer-pool-size=64M --server-id="$HOLDFAST_EPOCH"',
        sandboxDir,
      ),
      env: {},
      stopSignal: "SIGTERM",
      user: userOf(options),
    }),
    readiness: (op, context) => readinessByConnecting(connectMariaDb, op, context),
    connect: connectMariaDb,
  };
}

async function connectMariaDb({ runDir }: ClientTarget, signal: AbortSignal): Promise<DemoSession> {
  const socket = join(runDir, "mariadb.sock");
  await requireListener(socket, signal);
  const client = new SqlClient(
    ["mariadb", "--no-defaults", "--batch", "--skip-column-names", "--unbuffered", `--socket=${socket}`],
    (text) => `SELECT ${quote(text)};`,
    signal,
  );
  try {
    await client.run(
      `CREATE DATABASE IF NOT EXISTS ${DATABASE}; USE ${DATABASE}; ` +
        "CREATE TABLE IF NOT EXISTS writes (k VARCHAR(100) PRIMARY KEY, v VARCHAR(100) NOT NULL) ENGINE=InnoDB;",
    );
    const [epoch] = await client.run("SELECT @@server_id;");
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
    readAll: async () => parsePairs(await client.run("SELECT CONCAT(k, '|', v) FROM writes;")),
    close: () => client.close(),
  };
}
