import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * The native init: named by HOLDFAST_INIT, installed as a package beside this one, or built in this repository.
 * @throws Error that says how to get one.
 */
export function findInit(): string {
  const named = process.env.HOLDFAST_INIT;
  if (named !== undefined && named !== "") return named;
  const built = fileURLToPath(new URL("../../../../supervisor/native/dist/holdfast-init", import.meta.url));
  if (existsSync(built)) return built;
  try {
    return createRequire(import.meta.url).resolve("@holdfast/init-linux-x64/holdfast-init");
  } catch (cause) {
    throw new Error("There is no holdfast-init: install @holdfast/init-linux-x64, or name one in HOLDFAST_INIT.", {
      cause,
    });
  }
}
