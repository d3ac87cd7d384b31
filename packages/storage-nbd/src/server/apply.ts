import { execFile } from "node:child_process";
import { access, constants, mkdir, writeFile } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import type { Attachment } from "../answer.js";
import { serverLaunch } from "./command-lines.js";
import type { ExportedVolume } from "./config.js";
import { decide, type ServerRequest } from "./decide.js";
import { killAll, launch, loopsOn, type MarkedProcess, openersOf, processesOf, waitFor } from "./processes.js";
import { sessionsOf } from "./sockets.js";
import { readState, statePath, thisHost, type VolumeState, writeState } from "./state.js";
import { isServing, socketsNow } from "./status.js";

const LISTEN_LIMIT_MS = 5_000;
const TRIAL_LIMIT_MS = 5_000;
const GOODBYE_LIMIT_MS = 2_000;

export interface VolumePlace {
  readonly name: string;
  readonly volume: ExportedVolume;
  readonly stateDirectory: string;
}

/**
 * One verb under the volume's lock: decide, write what is meant, then make it so. Cut short anywhere, the same verb again
 * does the rest.
 */
export async function apply(place: VolumePlace, request: ServerRequest): Promise<void> {
  await mkdir(place.stateDirectory, { recursive: true, mode: 0o700 });
  const file = statePath(place.stateDirectory, place.name);
  const before = await readState(file);
  const host = thisHost(place.name, before);
  const decision = decide(place.name, before, request, new Date().toISOString());
  const state = { ...decision.state, host };
  if (decision.onlyIdle) await refuseConnected(place, strays(file, state));
  if (request.verb === "attach") await refuseMissing(place.volume.image);
  if (JSON.stringify(state) !== JSON.stringify(before)) await writeState(file, state);
  await killAll(() => strays(file, state));
  if (request.verb === "attach") await serve(place, state);
}

/** Starts what should be served and is not: after a restart of the machine, or of its servers. */
export async function resume(place: VolumePlace): Promise<void> {
  const file = statePath(place.stateDirectory, place.name);
  const before = await readState(file);
  const state = { ...before, host: thisHost(place.name, before) };
  await killAll(() => strays(file, state));
  if (state.attached === null) return;
  await writeState(file, state);
  await serve(place, state);
}

/** Ends the server for maintenance; what is attached stays so, and `resume` serves it again. */
export async function stop(place: VolumePlace): Promise<void> {
  const file = statePath(place.stateDirectory, place.name);
  thisHost(place.name, await readState(file));
  await killAll(() => processesOf(file));
}

/** Processes that serve something else than what is attached now. */
function strays(stateFile: string, { attached }: VolumeState): MarkedProcess[] {
  return processesOf(stateFile).filter(({ serves }) => attached === null || serves !== servesWhat(attached));
}

function servesWhat(attached: Attachment): string {
  return `${attached.export} ${attached.address}`;
}

async function serve(place: VolumePlace, { attached }: VolumeState): Promise<void> {
  if (attached === null) return;
  const { name, volume, stateDirectory } = place;
  const stateFile = statePath(stateDirectory, name);
  if (isServing(volume, processesOf(stateFile))) return;
  await killAll(() => processesOf(stateFile));
  refuseOtherUsers(place);
  const base = `${stateDirectory}/${name}`;
  const files = { pidFile: `${base}.pid`, configFile: `${base}.conf`, allowFile: `${base}.allow` };
  const started = serverLaunch(volume, attached, files, { allow: await allowed(volume, attached) });
  for (const [path, content] of Object.entries(started.files)) await writeFile(path, content, { mode: 0o600 });
  await launch(started, { stateFile, serves: servesWhat(attached) }, `${base}.log`);
  if (await waitFor(() => isServing(volume, processesOf(stateFile)), LISTEN_LIMIT_MS)) return;
  throw new HoldfastError("INTERNAL", `${volume.server} started, but does not listen on ${volume.listen}.`, {
    hint: `See ${base}.log on the server.`,
    retryable: true,
  });
}

/**
 * What the server's own filter is told. nbdkit's is tried first, because some builds (1.32.5 of Debian 12) refuse every
 * address; qemu-nbd has none without TLS. The name of the export keeps older clients out in any case.
 */
async function allowed(volume: ExportedVolume, { address }: Attachment): Promise<string | null> {
  if (volume.server === "nbd-server") return address;
  if (volume.server === "qemu-nbd") return null;
  const args = ["--filter=ip", "null", `allow=${address}`, "deny=all", "--run", "true"];
  return new Promise((resolve, reject) => {
    execFile("nbdkit", args, { timeout: TRIAL_LIMIT_MS, killSignal: "SIGKILL" }, (error) => {
      if (error !== null && error.code === "ENOENT") reject(error);
      else resolve(error === null ? address : null);
    });
  });
}

/** A client that has just gone may still be in the table for a moment. */
async function refuseConnected({ name, volume }: VolumePlace, ending: readonly MarkedProcess[]): Promise<void> {
  if (ending.length === 0) return;
  if (await waitFor(() => sessionsOf(socketsNow(), volume.port).length === 0, GOODBYE_LIMIT_MS)) return;
  const sessions = sessionsOf(socketsNow(), volume.port);
  throw new HoldfastError(
    "BUSY",
    `Volume ${name} is still connected to ${sessions.map(({ peer }) => peer).join(", ")}.`,
    {
      hint: "Unmount and release it there first; a client that is gone for good is fenced instead.",
      retryable: true,
      detail: { sessions: sessions.map(({ peer, state }) => `${peer} ${state}`) },
    },
  );
}

/** Two servers on one image are two writers, whatever each of them promises. */
function refuseOtherUsers({ name, volume }: VolumePlace): void {
  const users = [...openersOf(volume.image, new Set()), ...loopsOn(volume.image)];
  if (users.length === 0) return;
  throw new HoldfastError("BUSY", `The image of volume ${name} is in use on the server by ${users.join(", ")}.`, {
    hint: "End what uses it; nothing but this server may.",
    retryable: true,
    detail: { users },
  });
}

async function refuseMissing(image: string): Promise<void> {
  try {
    await access(image, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new HoldfastError("NOT_FOUND", `There is no image ${image} on the server that can be written.`, {
      hint: "Create it, or correct the server's configuration.",
      cause,
    });
  }
}
