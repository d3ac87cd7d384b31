import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import type { ServerStatus } from "../answer.js";
import type { ExportedVolume } from "./config.js";
import { loopsOn, type MarkedProcess, openersOf, ownsSocket, processesOf } from "./processes.js";
import { listenersOf, parseSockets, type SocketEntry, sessionsOf } from "./sockets.js";
import { thisHost, type VolumeState } from "./state.js";

const VERSION_LIMIT_MS = 5_000;

export function socketsNow(): SocketEntry[] {
  return ["tcp", "tcp6"].flatMap((table) => parseSockets(readProcNet(table)));
}

/** A kernel without IPv6 has no tcp6. */
function readProcNet(table: string): string {
  try {
    return readFileSync(`/proc/net/${table}`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

/** Whether one of the processes listens on the volume's port. */
export function isServing(volume: ExportedVolume, processes: readonly MarkedProcess[]): boolean {
  return listenersOf(socketsNow(), volume.port).some(({ inode }) =>
    processes.some(({ pid }) => ownsSocket(pid, inode)),
  );
}

/** What is there now, asked from the kernel; only `state` comes from our own file. */
export async function lookAtVolume(
  name: string,
  volume: ExportedVolume,
  state: VolumeState,
  stateFile: string,
): Promise<ServerStatus> {
  thisHost(name, state);
  const processes = processesOf(stateFile);
  const own = new Set(processes.map(({ pid }) => pid));
  return {
    volume: name,
    server: { kind: volume.server, version: await versionOf(volume) },
    image: { path: volume.image, sizeBytes: await imageSize(volume.image) },
    listen: volume.listen,
    port: volume.port,
    epoch: state.epoch,
    attached: state.attached,
    serving: isServing(volume, processes),
    filtersAddresses: processes.some(({ command }) => command.includes("deny=all")) || volume.server === "nbd-server",
    fenced: state.fenced,
    processes: processes.map(({ pid, command }) => ({ pid, command })),
    sessions: sessionsOf(socketsNow(), volume.port).map(({ peer, state: socketState }) => ({
      peer,
      state: socketState,
    })),
    otherUsers: [...openersOf(volume.image, own), ...loopsOn(volume.image)],
  };
}

/** Of a file or a block device, of which `stat` knows no size. Null when it is not there. */
export async function imageSize(image: string): Promise<number | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(image, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  try {
    const info = await file.stat();
    if (!info.isBlockDevice()) return info.size;
  } finally {
    await file.close();
  }
  return Number(await run("blockdev", ["--getsize64", image]));
}

async function versionOf(volume: ExportedVolume): Promise<string> {
  const said = await run(volume.server, ["--version"]);
  return /\d+(\.\d+)+/.exec(said)?.[0] ?? said.split("\n")[0] ?? "unknown";
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: VERSION_LIMIT_MS, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null) resolve(`${stdout}${stderr}`.trim());
      else
        reject(
          new HoldfastError("NOT_FOUND", `${command} cannot be run on the server: ${error.message}.`, {
            hint: "Install the package that brings it.",
            cause: error,
          }),
        );
    });
  });
}
