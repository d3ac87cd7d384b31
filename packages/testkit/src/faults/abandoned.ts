import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseMountinfo } from "@holdfast/core";
import { readProcess } from "@holdfast/effects";
import { command } from "../agents/command.js";
import { describeProcess, processesMarked, signalProcess } from "../agents/processes.js";

/*
 * A test run that is killed cannot take its scenes down. The next one does it: every scene says whose it is, in a file
 * in its directory and in the environment of its processes.
 */

/** In the environment of every process of a scene: `pid:start` of the test process that made it. */
export const OWNER_VARIABLE = "HOLDFAST_TESTKIT_OWNER";
const OWNER_FILE = "owner";
/** A disk of ours, which a killed row may have left frozen. */
const LOOP = "/dev/loop";
const SCENE_DIRECTORY = /^hf-[0-9a-f]{8}-/;

export function ownOwner(): string {
  return `${process.pid}:${readProcess(process.pid)?.startTicks}`;
}

export function signDirectory(directory: string): void {
  writeFileSync(join(directory, OWNER_FILE), ownOwner());
}

function isGone(owner: string): boolean {
  const [pid, startTicks] = owner.split(":");
  return readProcess(Number(pid))?.startTicks !== startTicks;
}

let removal: Promise<void> | undefined;

/** Once per process, before its first scene. */
export function removeAbandonedScenes(): Promise<void> {
  removal ??= remove();
  return removal;
}

async function remove(): Promise<void> {
  for (const { seen, value } of processesMarked(OWNER_VARIABLE)) {
    if (!isGone(value)) continue;
    process.stderr.write(`fault harness: ends a process that a killed test run left: ${describeProcess(seen)}\n`);
    signalProcess(seen, "SIGKILL");
  }
  for (const name of readdirSync(tmpdir()).filter((entry) => SCENE_DIRECTORY.test(entry))) {
    const directory = join(tmpdir(), name);
    if (takeOver(directory)) await removeDirectory(directory);
  }
}

/** Of several test processes that start at the same time one gets it; if it is killed too, it is again nobody's. */
function takeOver(directory: string): boolean {
  const file = join(directory, OWNER_FILE);
  if (!existsSync(file) || !isGone(readFileSync(file, "utf8"))) return false;
  try {
    renameSync(file, `${file}-${process.pid}`);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
  signDirectory(directory);
  return true;
}

async function removeDirectory(directory: string): Promise<void> {
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  for (const { mountPoint, source } of mounts) {
    if (mountPoint.startsWith(`${directory}/`) && source.startsWith(LOOP)) await thaw(mountPoint);
  }
  // With everything that is mounted below it.
  if (mounts.some(({ mountPoint }) => mountPoint === directory)) await command(["umount", "-l", directory]);
  const { stdout } = await command(["losetup", "--list", "--json", "--output", "NAME,BACK-FILE"]);
  const devices = stdout.trim() === "" ? [] : (JSON.parse(stdout) as LoopDevices).loopdevices;
  for (const device of devices) {
    if (device["back-file"].startsWith(`${directory}/`)) await command(["losetup", "-d", device.name]);
  }
  rmSync(directory, { recursive: true, force: true });
}

interface LoopDevices {
  readonly loopdevices: readonly { readonly name: string; readonly "back-file": string }[];
}

/** Lets a file system write again; it does not mind when it was not frozen. */
export async function thaw(mountPoint: string): Promise<void> {
  try {
    await command(["fsfreeze", "-u", mountPoint]);
  } catch (error) {
    // A claim's own bind mount is a file; what it lies on is thawed by itself.
    const harmless = ["Invalid argument", "is not a directory"];
    if (!(error instanceof Error && harmless.some((text) => error.message.includes(text)))) throw error;
  }
}
