import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { chown, lstat, mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  HoldfastError,
  serviceNameSchema,
  VOLUME_MARK_DIRECTORY,
  type VolumeMark,
  volumeMarkFormat,
} from "@holdfast/core";
import { bounded, replaceFile, resolveUser, syncDirectory } from "@holdfast/effects";

export interface InitVolumeOptions {
  readonly service: string;
  /** The directory holds the service's data already and keeps it at its root. */
  readonly adopt: boolean;
  readonly role: string;
  /** `user[:group]` of the data directory; null = as this process. */
  readonly owner: string | null;
}

export interface InitVolumeResult {
  readonly created: boolean;
  readonly mark: VolumeMark;
  readonly dataDir: string;
}

const TIMEOUT_MS = 30_000;
const MARK_BYTES_MAX = 64 * 1024;

/**
 * Marks a directory as a service's volume. Idempotent for the same service; never touches data.
 * @throws `VOLUME_MISSING`, `IDENTITY_MISMATCH` (marked for another service), `INVALID_SPEC` (holds data, or not a
 *   service name), `VOLUME_HUNG`, `VOLUME_IO_ERROR`.
 */
export function initVolume(path: string, options: InitVolumeOptions): Promise<InitVolumeResult> {
  return bounded(init(path, options), {
    timeoutMs: TIMEOUT_MS,
    code: "VOLUME_HUNG",
    what: `Marking ${path}`,
    hint: "Look at the file system's server.",
  });
}

async function init(path: string, options: InitVolumeOptions): Promise<InitVolumeResult> {
  const { service } = options;
  if (!serviceNameSchema.safeParse(service).success) {
    throw new HoldfastError("INVALID_SPEC", `"${service}" is not a service name.`, {
      hint: "Use 1 to 63 lower-case letters, digits or inner dashes.",
    });
  }
  await requireDirectory(path);
  const markDirectory = join(path, VOLUME_MARK_DIRECTORY);
  const present = await readMark(join(markDirectory, "volume.json"));
  if (present !== undefined) {
    if (present.service !== service) {
      throw new HoldfastError(
        "IDENTITY_MISMATCH",
        `${path} belongs to service ${present.service}, not to ${service}.`,
        { hint: "Nothing was changed. Choose the right directory." },
      );
    }
    return { created: false, mark: present, dataDir: dataDirectory(path, present) };
  }
  const content = (await readdir(path)).filter((name) => name !== "lost+found" && name !== VOLUME_MARK_DIRECTORY);
  if (content.length > 0 && !options.adopt) {
    throw new HoldfastError(
      "INVALID_SPEC",
      `${path} is not empty (${content.slice(0, 3).join(", ")}${content.length > 3 ? ", …" : ""}).`,
      {
        hint: "If this is the service's data and should stay where it is, give --adopt. Nothing was changed.",
      },
    );
  }
  const owner = options.owner === null ? null : await resolveUser(options.owner);
  const mark: VolumeMark = {
    v: 1,
    volumeId: randomUUID(),
    service,
    layout: options.adopt ? "root" : "data",
    createdAt: new Date().toISOString(),
    role: options.role,
  };
  await mkdir(markDirectory, { recursive: true, mode: 0o755 });
  const claim = await open(
    join(markDirectory, "claim"),
    constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
    0o644,
  );
  await claim.close();
  const dataDir = dataDirectory(path, mark);
  if (!options.adopt) {
    await mkdir(dataDir, { recursive: true, mode: 0o750 });
    if (owner !== null) await chown(dataDir, owner.uid, owner.gid);
  }
  // Last, so that a crash leaves an unmarked directory, which the same command completes.
  await replaceFile(join(markDirectory, "volume.json"), volumeMarkFormat.serialize(mark));
  await syncDirectory(path);
  return { created: true, mark, dataDir };
}

function dataDirectory(path: string, mark: VolumeMark): string {
  return mark.layout === "root" ? path : join(path, "data");
}

async function requireDirectory(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isDirectory()) return;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  throw new HoldfastError("VOLUME_MISSING", `${path} is not a directory.`, {
    hint: "Mount the volume or make the directory first; a symbolic link is not followed.",
  });
}

async function readMark(path: string): Promise<VolumeMark | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const buffer = Buffer.alloc(MARK_BYTES_MAX);
      const { bytesRead } = await file.read(buffer, 0, MARK_BYTES_MAX, 0);
      return volumeMarkFormat.parse(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
