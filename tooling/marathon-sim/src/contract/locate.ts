import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * The folder with the published Marathon contract, which is not part of this repository: `HOLDFAST_CONTRACTS`, or
 * `shared/contracts` beside the repository.
 *
 * @param repository - Root of the repository.
 * @returns undefined where there is none; tests that need it then say so and are left out.
 */
export function locateContract(repository: string): string | undefined {
  const folders = [process.env.HOLDFAST_CONTRACTS ?? [], resolve(repository, "../shared/contracts")].flat();
  return folders.map((folder) => join(folder, "marathon")).find((folder) => existsSync(join(folder, "api/v2/types")));
}
