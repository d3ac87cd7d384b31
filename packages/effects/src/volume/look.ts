import { type ErrorCode, isReadOnly, type MountEntry, mountOf, type VolumeEvidence } from "@holdfast/core";
import type { ChildOutcome } from "./child.js";
import { parseVolumeEpoch, parseVolumeMark, type VolumeEpochFacts } from "./records.js";

/** Why a volume cannot be used, as the operator reads it. */
export interface VolumeProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** What was seen of a volume at one moment. */
export interface VolumeLook {
  readonly evidence: VolumeEvidence;
  readonly last: VolumeEpochFacts | null;
  readonly claimFile: "present" | "missing";
  /** The mount the volume lies on, links in its path resolved; undefined when mountinfo does not show it. */
  readonly mount: MountEntry | undefined;
  readonly realPath: string;
}

export type LookResult =
  | { readonly kind: "seen"; readonly look: VolumeLook }
  | { readonly kind: "problem"; readonly problem: VolumeProblem };

/** One line of `holdfast-init volume-read`. */
interface ReadOutput {
  readonly dev?: string;
  readonly parentDev?: string;
  readonly type?: string;
  readonly real?: string | null;
  readonly errno?: string;
  readonly error?: string;
  readonly volume?: string | null;
  readonly epoch?: string | null;
  readonly claim?: string;
  readonly empty?: boolean;
}

const problem = (code: ErrorCode, message: string, hint: string): LookResult => ({
  kind: "problem",
  problem: { code, message, hint },
});

/** Pure: what the reading child said, together with the mounts seen at the same time. Decides nothing about use. */
export function interpretLook(
  path: string,
  outcome: ChildOutcome,
  output: string,
  mounts: readonly MountEntry[],
): LookResult {
  if (outcome.kind === "timeout") {
    const hint = "See the server or the disk behind it. Nothing was written, and nothing else waited for it.";
    return problem("VOLUME_HUNG", `The volume ${path} did not answer within ${outcome.timeoutMs} ms.`, hint);
  }
  const read = parseOutput<ReadOutput>(output);
  if (outcome.kind !== "code" || outcome.code !== 0 || read === undefined) {
    return problem(
      "INTERNAL",
      `The volume ${path} could not be looked at: ${explainOutcome(outcome)}, output ${JSON.stringify(output.slice(0, 200))}.`,
      "This is a defect in Holdfast.",
    );
  }
  if (read.type !== "directory") return notThere(path, read, mounts);
  if (read.errno !== undefined && read.errno !== "ENOENT") {
    const hint = "Check the permissions and what lies in .holdfast. Nothing was written.";
    return problem("VOLUME_IO_ERROR", `The volume ${path} could not be read: ${read.error ?? read.errno}.`, hint);
  }
  return directorySeen(path, read, mounts);
}

function notThere(path: string, read: ReadOutput, mounts: readonly MountEntry[]): LookResult {
  if (read.type === "missing" || read.errno === "ENOTDIR") {
    return {
      kind: "seen",
      look: {
        evidence: blankEvidence(path),
        last: null,
        claimFile: "missing",
        mount: mountOf(mounts, path),
        realPath: path,
      },
    };
  }
  const hint = "See the kernel log and the server behind it. Nothing was written.";
  return problem(
    "VOLUME_IO_ERROR",
    `The volume ${path} cannot be opened: ${read.error ?? read.errno ?? "unknown error"}.`,
    hint,
  );
}

function directorySeen(path: string, read: ReadOutput, mounts: readonly MountEntry[]): LookResult {
  const realPath = read.real ?? path;
  const mount = mountOf(mounts, realPath);
  const mark = read.volume == null ? null : parseVolumeMark(read.volume);
  const last = read.epoch == null ? null : parseVolumeEpoch(read.epoch);
  for (const [name, parsed] of [
    ["volume.json", mark],
    ["epoch.json", last],
  ] as const) {
    if (parsed === null || parsed.ok) continue;
    const hint = "Nothing was changed. Use the version of Holdfast that wrote it, or repair the file by hand.";
    return problem("RECORD_INVALID", `${path}/.holdfast/${name} cannot be read: ${parsed.why}.`, hint);
  }
  const facts = last?.ok === true ? last.record : null;
  // A bind mount has its parent's device and is a mount point of its own all the same: then only mountinfo can tell.
  const ownMount = mount?.mountPoint === realPath;
  const evidence: VolumeEvidence = {
    path,
    mounted: true,
    source: mount?.source ?? "unknown",
    fsType: mount?.fsType ?? "unknown",
    device: read.dev ?? "unknown",
    parentDevice: ownMount ? `parent of ${realPath}` : (read.parentDev ?? "unknown"),
    readOnly: mount !== undefined && isReadOnly(mount),
    mark: mark?.ok === true ? mark.record : null,
    epoch: facts?.epoch ?? null,
    epochRun: facts?.run ?? null,
    leaseMs: facts?.leaseMs ?? null,
    empty: read.empty === true,
    locking: "unknown",
  };
  const claimFile = read.claim === "present" ? "present" : "missing";
  return { kind: "seen", look: { evidence, last: facts, claimFile, mount, realPath } };
}

function blankEvidence(path: string): VolumeEvidence {
  return {
    path,
    mounted: false,
    source: "unknown",
    fsType: "unknown",
    device: "unknown",
    parentDevice: "unknown",
    readOnly: false,
    mark: null,
    epoch: null,
    epochRun: null,
    leaseMs: null,
    empty: false,
    locking: "unknown",
  };
}

/** The first line as JSON; undefined when it is none. */
export function parseOutput<T>(output: string): T | undefined {
  const [line = ""] = output.split("\n", 1);
  try {
    const json: unknown = JSON.parse(line);
    return typeof json === "object" && json !== null ? (json as T) : undefined;
  } catch {
    return undefined;
  }
}

export function explainOutcome(outcome: ChildOutcome): string {
  switch (outcome.kind) {
    case "code":
      return `it ended with ${outcome.code}`;
    case "signal":
      return `it was ended by signal ${outcome.signal}`;
    case "timeout":
      return `no answer within ${outcome.timeoutMs} ms`;
    case "refused":
      return `it was refused (${outcome.reason})`;
    case "exec":
      return `it could not be executed (${outcome.message})`;
  }
}
