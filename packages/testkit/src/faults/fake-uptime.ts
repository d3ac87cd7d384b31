import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../agents/until.js";
import type { Scene } from "./scene.js";

export interface FakeUptime {
  /** Put before a command: it then sees this clock in /proc/uptime. */
  readonly before: readonly string[];
  /** Advances it. Returns what can be read there before and after. */
  jump(ms: number): Promise<string>;
}

const LIMIT_MS = 5_000;
const MIN_SHARE = 0.9;

/** A /proc/uptime for some processes only, that runs like the real one until it is told to jump. Needs root. */
export async function fakeUptime(scene: Scene): Promise<FakeUptime> {
  const file = join(scene.directory, "uptime");
  const offset = join(scene.directory, "uptime-offset");
  writeFileSync(offset, "0");
  writeFileSync(file, "");
  const main = fileURLToPath(new URL("./fake-uptime-main.js", import.meta.url));
  scene.startAside("clock", [process.execPath, main, file, offset]);
  const read = () => Number(readFileSync(file, "utf8").split(" ")[0]) * 1_000;
  await until("the clock to run", () => read() > 0, { timeoutMs: LIMIT_MS });
  return {
    before: [
      "unshare",
      "--mount",
      "--propagation",
      "slave",
      "sh",
      "-c",
      `mount --bind ${file} /proc/uptime && exec "$@"`,
      "sh",
    ],
    async jump(ms) {
      const beforeMs = read();
      writeFileSync(offset, String(ms));
      const afterMs = await until("the clock to jump", () => read() - beforeMs >= ms * MIN_SHARE && read(), {
        timeoutMs: LIMIT_MS,
        intervalMs: 2,
      });
      return `${(beforeMs / 1_000).toFixed(2)} s, then ${(afterMs / 1_000).toFixed(2)} s`;
    },
  };
}
