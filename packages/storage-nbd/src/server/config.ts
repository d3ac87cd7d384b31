import { readFile } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import * as z from "zod";
import { serverKindSchema, volumeNameSchema } from "../answer.js";

const absolutePathSchema = z.string().startsWith("/");

export const exportedVolumeSchema = z.strictObject({
  server: serverKindSchema,
  image: absolutePathSchema.describe("A file or a block device; nothing else may use it."),
  listen: z.union([z.ipv4(), z.ipv6()]).describe("Local address that agents reach."),
  port: z.int().min(1).max(65_535).describe("Of this volume alone."),
});
export type ExportedVolume = z.output<typeof exportedVolumeSchema>;

/** The configuration file of `holdfast-nbd-server`. Which image a volume is, is decided here and not by a caller. */
export const serverConfigSchema = z
  .strictObject({
    stateDirectory: absolutePathSchema.describe("On a local disk that survives a restart."),
    volumes: z.record(volumeNameSchema, exportedVolumeSchema),
  })
  .refine(({ volumes }) => allDiffer(Object.values(volumes).map(({ listen, port }) => `${listen} ${port}`)), {
    path: ["volumes"],
    error: "two volumes have the same address and port",
  })
  .refine(({ volumes }) => allDiffer(Object.values(volumes).map(({ image }) => image)), {
    path: ["volumes"],
    error: "two volumes have the same image",
  });
export type ServerConfig = z.output<typeof serverConfigSchema>;

function allDiffer(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/** @throws `INVALID_SPEC`. */
export async function readServerConfig(path: string): Promise<ServerConfig> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause));
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error));
  }
  const parsed = serverConfigSchema.safeParse(value);
  if (!parsed.success) throw invalid(path, z.prettifyError(parsed.error));
  return parsed.data;
}

function invalid(path: string, why: string): HoldfastError {
  return new HoldfastError("INVALID_SPEC", `The configuration ${path} cannot be used: ${why}`, {
    hint: "Correct it on the server.",
  });
}

export function exportedVolume(config: ServerConfig, name: string): ExportedVolume {
  const found = config.volumes[name];
  if (found !== undefined) return found;
  throw new HoldfastError("NOT_FOUND", `The server has no volume ${name}.`, {
    hint: `It has: ${Object.keys(config.volumes).join(", ") || "none"}.`,
  });
}
