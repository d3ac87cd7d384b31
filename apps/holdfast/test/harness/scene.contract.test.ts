import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { processesOfScene, until } from "@holdfast/testkit";
import { expect, test } from "vitest";

/*
 * What becomes of a scene when the test process that made it ends without taking it down.
 */

const LIMIT = { timeoutMs: 20_000 };
const here = fileURLToPath(new URL(".", import.meta.url));

/** A test process of its own: opens a scene, lets the control write in it, tells of it, and ends in that way. */
const script = (ending: string) => `
  import { directoryStore, faultProfile, naiveWrapper, openScene } from "@holdfast/testkit";
  const profile = faultProfile(3_000, { before: 1, after: 1 });
  const scene = await openScene({ wrapper: naiveWrapper(), store: directoryStore, profile, volume: "shared" });
  const run = await scene.start("a");
  await scene.untilWritten(run, 5);
  process.stdout.write(JSON.stringify({ id: scene.id, directory: scene.directory }) + "\\n");
  ${ending}
`;

async function runScene(ending: string): Promise<{ readonly id: string; readonly directory: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script(ending)], {
    cwd: here,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await new Promise((resolve) => child.on("close", resolve));
  return JSON.parse(said) as { id: string; directory: string };
}

const mountsOf = (directory: string) =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${directory}`));

test("a scene that is closed leaves nothing", async () => {
  const { id, directory } = await runScene("await scene.close();");
  expect(processesOfScene(id)).toEqual([]);
  expect(existsSync(directory)).toBe(false);
  expect(mountsOf(directory)).toEqual([]);
});

test("a test process that exits takes the processes of its scenes along", async () => {
  const { id, directory } = await runScene("process.exit(0);");
  await until("its processes to end", () => processesOfScene(id).length === 0, LIMIT);
  expect(existsSync(directory)).toBe(true);
});

test("what a killed test process left is taken down by the next one", async () => {
  const left = await runScene('process.kill(process.pid, "SIGKILL");');
  expect(processesOfScene(left.id).length).toBeGreaterThan(0);
  await runScene("await scene.close();");
  await until("its processes to end", () => processesOfScene(left.id).length === 0, LIMIT);
  expect(existsSync(left.directory)).toBe(false);
  expect(mountsOf(left.directory)).toEqual([]);
});
