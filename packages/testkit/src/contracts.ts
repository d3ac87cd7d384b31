import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The published contracts of Marathon and Mesos. They are not ours and not in this repository: they lie where
 * `HOLDFAST_CONTRACTS` says, or in `shared/contracts` beside the repository. A test that needs them and does not find them
 * is skipped with `reason`.
 */
export type Contracts =
  | { readonly found: true; text(path: string): string; json(path: string): unknown; readonly directory: string }
  | { readonly found: false; readonly reason: string };

export function findContracts(): Contracts {
  const named = process.env.HOLDFAST_CONTRACTS;
  const directory = named ?? fileURLToPath(new URL("../../../../shared/contracts", import.meta.url));
  if (!existsSync(directory)) {
    const reason = "the published contracts are not there: neither HOLDFAST_CONTRACTS nor ../shared/contracts";
    return { found: false, reason };
  }
  const text = (path: string) => readFileSync(`${directory}/${path}`, "utf8");
  return { found: true, directory, text, json: (path) => JSON.parse(text(path)) };
}
