import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Where the published contracts of Marathon and Mesos lie, which are not ours and in no repository of ours:
 * `$HOLDFAST_CONTRACTS`, or `shared/contracts` beside the repository. Null = they are not here, and a test that reads
 * them is skipped, saying so.
 * @param name - what is looked for below it, with slashes: `marathon/schema/AppDefinition.json`.
 */
export function contractPath(name: string): string | null {
  const beside = fileURLToPath(new URL("../../../../shared/contracts", import.meta.url));
  const path = join(process.env.HOLDFAST_CONTRACTS ?? beside, name);
  return existsSync(path) ? path : null;
}

/** What a skipped test gives as its reason. */
export const NO_CONTRACTS = "the published contracts are not here: set HOLDFAST_CONTRACTS";
