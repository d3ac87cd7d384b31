import { agentIdSchema, HoldfastError, type Volume } from "@holdfast/core";
import type { LocalDirectory } from "@holdfast/effects";
import * as z from "zod";

const absolutePath = z.string().regex(/^\/[^\0]*[^/\0]$/, "an absolute path without a slash at its end");

export const localPinOptionsSchema = z.strictObject({
  path: absolutePath
    .optional()
    .describe("Directory on the agent's own disk; default: mountPath itself. Elsewhere, it is bound to mountPath."),
  agents: z.array(agentIdSchema).min(1).optional().describe("Agents that have such a disk; default: any."),
  onAgentLoss: z
    .enum(["wait", "restore-elsewhere"])
    .default("wait")
    .describe("What follows when the agent with the data is lost: wait for it, or start on another one from a backup."),
  restoreFrom: z
    .string()
    .min(1)
    .default("latest-verified")
    .describe("Which backup `restore-elsewhere` starts from, in the words of the restore source."),
});
export type LocalPinOptions = z.output<typeof localPinOptionsSchema>;

/** The options of a volume, with the place of its data. */
export interface LocalVolume extends LocalDirectory {
  readonly options: LocalPinOptions;
}

/** Pure. @throws `INVALID_SPEC` with the path of the key. */
export function localVolume(volume: Volume): LocalVolume {
  const parsed = localPinOptionsSchema.safeParse(volume.options ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = ["options", ...(issue?.path ?? [])].join(".");
    throw new HoldfastError("INVALID_SPEC", `Volume ${volume.role} of ${volume.service}: ${key}: ${issue?.message}.`, {
      hint: "The options of local-pin are listed in its README.",
      detail: { path: issue?.path ?? [] },
    });
  }
  const path = parsed.data.path ?? volume.mountPath;
  return { options: parsed.data, path, mountPath: volume.mountPath, bound: path !== volume.mountPath };
}
