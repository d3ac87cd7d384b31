import { HoldfastError } from "@holdfast/core";
import { createMariaDbEngine } from "./mariadb.js";
import { createPostgreSqlEngine } from "./postgresql.js";
import { createRedisEngine } from "./redis.js";
import type { DemoEngine } from "./types.js";

const ENGINES = { redis: createRedisEngine, mariadb: createMariaDbEngine, postgresql: createPostgreSqlEngine };
export const ENGINE_NAMES = Object.keys(ENGINES);

/** @throws `USAGE` for a name that is none of {@link ENGINE_NAMES}. */
export function createEngine(name: string): DemoEngine {
  if (Object.hasOwn(ENGINES, name)) return ENGINES[name as keyof typeof ENGINES]();
  throw new HoldfastError("USAGE", `There is no engine "${name}" here.`, {
    hint: `Use one of ${ENGINE_NAMES.join(", ")}.`,
  });
}
