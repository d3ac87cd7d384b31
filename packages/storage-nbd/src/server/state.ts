import { readFileSync, readlinkSync } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { HoldfastError } from "@holdfast/core";
import * as z from "zod";
import { attachmentSchema } from "../answer.js";

const epochSchema = z.string().regex(/^(0|[1-9][0-9]{0,38})$/);

/**
 * What must outlive the server's processes. Written before anything is done, so that after a crash the file says what
 * was meant, and the same verb again, or `resume`, makes it so.
 */
export const volumeStateSchema = z.looseObject({
  v: z.literal(1),
  /** The highest epoch that attached or fenced: everything older is void. */
  epoch: epochSchema,
  attached: attachmentSchema.nullable(),
  fenced: z.array(z.looseObject({ agent: z.string(), epoch: epochSchema, byEpoch: epochSchema, at: z.string() })),
  /** Where its processes are: what is started in another PID namespace of the same boot could not see them. */
  host: z.looseObject({ bootId: z.string(), pidNamespace: z.string() }).nullable(),
});
export type VolumeState = z.output<typeof volumeStateSchema>;

export const NEW_STATE: VolumeState = { v: 1, epoch: "0", attached: null, fenced: [], host: null };

export function statePath(stateDirectory: string, volume: string): string {
  return `${stateDirectory}/${volume}.json`;
}

/** @throws `INTERNAL` when the file is there and cannot be read: guessing an epoch would let an old client in. */
export async function readState(path: string): Promise<VolumeState> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return NEW_STATE;
    throw unreadable(path, error);
  }
  try {
    return volumeStateSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** @throws `DENIED` when the volume's processes are where they cannot be seen from here. */
export function thisHost(volume: string, { host }: VolumeState): NonNullable<VolumeState["host"]> {
  const here = {
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    pidNamespace: readlinkSync("/proc/self/ns/pid"),
  };
  if (host === null || host.bootId !== here.bootId || host.pidNamespace === here.pidNamespace) return here;
  throw new HoldfastError(
    "DENIED",
    `Volume ${volume} is served from another PID namespace (${host.pidNamespace}) than this one (${here.pidNamespace}).`,
    {
      hint: "Run holdfast-nbd-server where it ran before: on the server itself, over ssh, not in a container or a run's tree.",
    },
  );
}

function unreadable(path: string, cause: unknown): HoldfastError {
  return new HoldfastError("INTERNAL", `The volume's state ${path} cannot be read.`, {
    hint: "Nothing is served before a person has looked at it: it says which epochs are void.",
    cause,
  });
}

/** Temporary file, fsync, rename, fsync of the directory. */
export async function writeState(path: string, state: VolumeState): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(state)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
