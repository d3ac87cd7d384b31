import { demoEngineOptionsSchema, userOf } from "./options.js";
import { readinessByConnecting } from "./readiness.js";
import { RespClient } from "./resp.js";
import { lateCommand } from "./shell.js";
import type { ClientTarget, DemoEngine, DemoSession } from "./types.js";

/** Keys per round trip when everything is read back. */
const SCAN_COUNT = "1000";

/** Redis that acknowledges a write only when it is on the disk. */
export function createRedisEngine(): DemoEngine {
  return {
    apiVersion: 1,
    type: "redis",
    optionsSchema: demoEngineOptionsSchema,
    requirements: [{ needs: "redis-server", debianPackage: "redis-server" }],
    port: 6379,
    packageUser: "redis",
    backupLevels: [],
    durability: () => ({ losesNothing: true, explanation: "appendfsync always: acknowledged means fsynced" }),
    recoveryMsMax: () => 60_000,
    initialCommand: () => null,
    command: ({ bind, port, options }) => ({
      // The process title is where the server can carry the epoch: a client asks for it on its own connection.
      argv: lateCommand(
        'redis-server --bind "$1" --port "$2" --dir "$HOLDFAST_DATA_DIR" --daemonize no --protected-mode yes ' +
          '--appendonly yes --appendfsync always --save "" ' +
          '--proc-title-template "{title} {listen-addr} epoch-$HOLDFAST_EPOCH"',
        bind,
        String(port),
      ),
      env: {},
      stopSignal: "SIGTERM",
      user: userOf(options),
    }),
    readiness: (op, context) => readinessByConnecting(connectRedis, op, context),
    connect: connectRedis,
  };
}

async function connectRedis({ bind, port }: ClientTarget, signal: AbortSignal): Promise<DemoSession> {
  const client = new RespClient({ host: bind, port }, signal);
  try {
    const title = await client.command("CONFIG", "GET", "proc-title-template");
    const epoch = /epoch-(\d+)/.exec(String(title))?.[1];
    if (epoch === undefined) throw new Error(`this Redis was not started here: ${String(title)}`);
    // While it loads its data it answers CONFIG already, but no writes.
    await client.command("EXISTS", "holdfast");
    return sessionOf(client, BigInt(epoch));
  } catch (error) {
    client.close();
    throw error;
  }
}

function sessionOf(client: RespClient, epoch: bigint): DemoSession {
  return {
    epoch,
    async insert(key, value) {
      const reply = await client.command("SET", key, value, "NX");
      if (reply !== "OK") throw new Error(`the key ${key} is there already`);
    },
    async readAll() {
      const data = new Map<string, string>();
      let cursor = "0";
      do {
        const reply = await client.command("SCAN", cursor, "COUNT", SCAN_COUNT);
        const [next, keys] = reply as [string, string[]];
        const values = keys.length === 0 ? [] : ((await client.command("MGET", ...keys)) as (string | null)[]);
        for (const [index, key] of keys.entries()) data.set(key, values[index] ?? "");
        cursor = next;
      } while (cursor !== "0");
      return data;
    },
    close: () => client.close(),
  };
}
