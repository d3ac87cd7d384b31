import { agentIdSchema, HoldfastError, httpServiceSchema, type Volume } from "@holdfast/core";
import type { LocalDirectory } from "@holdfast/effects";
import * as z from "zod";

/** As Marathon takes it for `containerPath` of a persistent volume (AppValidation.scala): one segment below the sandbox. */
const segment = z
  .string()
  .regex(/^[^/\0]+$/, "one path segment: it is a directory of the sandbox, without a slash")
  .refine((name) => name !== "." && name !== "..", "one path segment, and neither . nor ..");
const absolutePath = z.string().regex(/^\/[^\0]*[^/\0]$/, "an absolute path without a slash at its end");
/** What Mesos takes for a role (roles.cpp): no whitespace, no `..`, no leading dash; `*` reserves nothing. */
const role = z
  .string()
  .regex(/^(?!-)[^\s\\]+$/, "a Mesos role, without whitespace and not beginning with a dash")
  .refine((name) => name !== "*", "a role of its own: with * nothing can be reserved")
  .refine((name) => name.split("/").every((part) => part !== "" && part !== "." && part !== ".."), "a Mesos role");

export const mesosVolumeOptionsSchema = z
  .strictObject({
    through: z
      .enum(["marathon", "mesos"])
      .default("marathon")
      .describe("Who reserves and makes the volume: Marathon, or `holdfast volume provision` by Mesos's operator API."),
    name: segment.optional().describe("Directory of the sandbox in which the volume appears; default: the role."),
    view: z
      .enum(["mount-path", "sandbox"])
      .default("mount-path")
      .describe(
        "`mount-path`: Mesos shows it there (filesystem/linux). `sandbox`: the run binds it there; needs root.",
      ),
    path: absolutePath
      .optional()
      .describe("Where the agent has the volume; for runs that are no task of Mesos. Default: found in the sandbox."),
    disk: z
      .enum(["root", "path", "mount"])
      .default("root")
      .describe("`root`: the agent's work directory. `path`: a disk that is shared. `mount`: a disk of its own."),
    diskMiBMax: z.int().positive().optional().describe("With `mount`: larger disks are left alone."),
    diskPath: z
      .string()
      .min(1)
      .optional()
      .describe("Root directory of the disk: a regular expression for Marathon, the very path with `through: mesos`."),
    agents: z
      .array(agentIdSchema)
      .min(1)
      .optional()
      .describe("Agents, by host name, on which it may be made; exactly one with `through: mesos`. Default: any."),
    mesosRole: role.optional().describe("Role that reserves; default: what Marathon registered with."),
    principal: z.string().min(1).optional().describe("Principal that reserves, as the operator API knows it."),
    framework: z.string().min(1).default("marathon").describe("Name under which Marathon registered with Mesos."),
    api: httpServiceSchema
      .optional()
      .describe("Mesos's operator API, to look with, and to reserve with. Not needed to run."),
    onAgentLoss: z
      .enum(["wait", "restore-elsewhere"])
      .default("wait")
      .describe("What follows when the agent with the data is lost: wait for it, or fill a new volume from a backup."),
    restoreFrom: z.string().min(1).default("latest-verified").describe("Which backup, in the words of the source."),
  })
  .superRefine((options, context) => {
    const refuse = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    if (options.diskMiBMax !== undefined && options.disk !== "mount")
      refuse("diskMiBMax", "goes with disk: mount only");
    if (options.diskPath !== undefined && options.disk === "root") refuse("diskPath", "goes with disk: path or mount");
    if (options.path !== undefined && options.view === "mount-path") refuse("path", "goes with view: sandbox only");
    if (options.through === "marathon") {
      if (options.diskPath !== undefined && !isRegExp(options.diskPath)) refuse("diskPath", "is no regular expression");
      return;
    }
    if (options.agents?.length !== 1) refuse("agents", "names the one agent on which the volume is made");
    if (options.mesosRole === undefined) refuse("mesosRole", "says for which role it is reserved");
    if (options.principal === undefined) refuse("principal", "must be the one of api.credentials: Mesos compares them");
    if (options.api === undefined) refuse("api", "says where Mesos is");
    if (options.disk !== "root" && options.diskPath === undefined) refuse("diskPath", "names the disk");
  });
export type MesosVolumeOptions = z.output<typeof mesosVolumeOptionsSchema>;

/** Java's and ours differ in corners; what is wrong in both is found here and not by a 422. */
function isRegExp(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/** The options of a volume, with the names that follow from them. */
export interface MesosVolume {
  readonly options: MesosVolumeOptions;
  readonly mountPath: string;
  /** Directory of the sandbox. */
  readonly name: string;
  /** The run binds it to `mountPath` itself. */
  readonly bound: boolean;
}

/** Pure. @throws `INVALID_SPEC` with the path of the key. */
export function mesosVolume(volume: Volume): MesosVolume {
  const parsed = mesosVolumeOptionsSchema.safeParse(volume.options ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = ["options", ...(issue?.path ?? [])].join(".");
    throw new HoldfastError("INVALID_SPEC", `Volume ${volume.role} of ${volume.service}: ${key}: ${issue?.message}.`, {
      hint: "The options of mesos-volume are listed in its README.",
      detail: { path: issue?.path ?? [] },
    });
  }
  const { data } = parsed;
  const { mountPath } = volume;
  const bound = data.view === "sandbox" && data.path !== mountPath;
  return { options: data, mountPath, name: data.name ?? volume.role, bound };
}

/** What is bound where, once it is known where the agent has it. */
export function directoryOf({ mountPath, bound }: MesosVolume, path: string): LocalDirectory {
  return { path: bound ? path : mountPath, mountPath, bound };
}

/** Pure: the size that is asked of Mesos. @throws `INVALID_SPEC`. */
export function sizeMiBOf({ service, role: volumeRole, diskMiB }: Volume): number {
  if (diskMiB !== null) return diskMiB;
  throw new HoldfastError("INVALID_SPEC", `The ${volumeRole} volume of ${service} has no size.`, {
    hint: "Set diskMiB: Mesos reserves that much, and neither Mesos nor Marathon can change it later.",
    detail: { path: ["diskMiB"] },
  });
}
