// @ts-check
/** Puts the native init where the package ships it. It is built from `packages/supervisor/native` by the set-up script. */
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const built = join(root, "../supervisor/native/dist/holdfast-init");
const shipped = join(root, "dist/holdfast-init");

mkdirSync(dirname(shipped), { recursive: true });
if (existsSync(built) && process.arch === "x64") {
  copyFileSync(built, shipped);
} else {
  rmSync(shipped, { force: true });
  console.log("no native init for x64 in this build");
}
