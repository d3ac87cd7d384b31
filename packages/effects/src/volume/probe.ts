import type { MountEntry } from "@holdfast/core";
import { isReadOnly, mountOf } from "@holdfast/core";
import type { ChildOutcome } from "./child.js";
import { explainOutcome, parseOutput, type VolumeProblem } from "./look.js";

export type ProbeResult =
  | { readonly kind: "ok"; readonly probeUs: number }
  /** The volume answers, but has no room: the application's business while it runs, ours before it starts. */
  | { readonly kind: "full"; readonly problem: VolumeProblem }
  | { readonly kind: "problem"; readonly problem: VolumeProblem };

interface WriteOutput {
  readonly ok?: boolean;
  readonly probeUs?: number;
  readonly step?: string;
  readonly errno?: string;
  readonly message?: string;
}

/** Pure: what `volume-write` said. */
export function interpretProbe(path: string, outcome: ChildOutcome, output: string): ProbeResult {
  const problem = (code: VolumeProblem["code"], message: string, hint: string): ProbeResult => ({
    kind: "problem",
    problem: { code, message, hint },
  });
  if (outcome.kind === "timeout") {
    const message = `The volume ${path} did not finish a small write within ${outcome.timeoutMs} ms.`;
    return problem("VOLUME_HUNG", message, "See the server or the disk behind it.");
  }
  const wrote = parseOutput<WriteOutput>(output);
  if (outcome.kind !== "code" || wrote === undefined) {
    return problem(
      "INTERNAL",
      `The probe of ${path} did not work: ${explainOutcome(outcome)}.`,
      "This is a defect in Holdfast.",
    );
  }
  if (wrote.ok === true) return { kind: "ok", probeUs: wrote.probeUs ?? 0 };
  const what = `${wrote.step ?? "probe"}: ${wrote.message ?? wrote.errno ?? "unknown error"}`;
  switch (wrote.errno) {
    case "EROFS":
      return problem(
        "VOLUME_READ_ONLY",
        `The volume ${path} is read-only (${what}).`,
        "See the kernel log: a file system turns read-only after an error.",
      );
    case "ENOENT":
    case "ENOTDIR":
      return problem(
        "VOLUME_MISSING",
        `${path}/.holdfast is not there (${what}).`,
        "Somebody unmounted the volume or removed the directory.",
      );
    case "ENOSPC":
    case "EDQUOT":
      return {
        kind: "full",
        problem: {
          code: "VOLUME_IO_ERROR",
          message: `The volume ${path} is full (${what}).`,
          hint: "Make room, or raise the quota.",
        },
      };
    default:
      return problem(
        "VOLUME_IO_ERROR",
        `The volume ${path} failed a small write (${what}).`,
        "See the kernel log and the server behind it.",
      );
  }
}

/** Pure: why unwritten data may not have reached the volume's server; null = it has. */
export function settleFailure(outcome: ChildOutcome, output: string): string | null {
  if (outcome.kind !== "code" || outcome.code !== 0) return explainOutcome(outcome);
  // The native applet says more than its exit status; sync(1) has only that.
  const said = parseOutput<WriteOutput>(output);
  return said === undefined || said.ok === true ? null : `${said.step ?? "sync"}: ${said.message ?? "unknown error"}`;
}

/** What must stay the same while an application runs on a volume. */
export interface WatchedMount {
  readonly realPath: string;
  readonly mount: MountEntry;
}

/** Pure: compares the mounts of now with the one at the start; null = nothing happened. Touches no file system. */
export function compareMount(watched: WatchedMount, mounts: readonly MountEntry[]): VolumeProblem | null {
  const { realPath, mount: before } = watched;
  const now = mountOf(mounts, realPath);
  if (now === undefined || now.mountPoint.length < before.mountPoint.length) {
    return {
      code: "VOLUME_MISSING",
      message: `The volume ${realPath} is not mounted any more (${before.source} was at ${before.mountPoint}).`,
      hint: "Find who unmounted it.",
    };
  }
  if (now.device !== before.device || now.root !== before.root || now.mountPoint !== before.mountPoint) {
    return {
      code: "VOLUME_CHANGED",
      message: `Another file system covers ${realPath}: ${now.source} (${now.device}), before ${before.source} (${before.device}).`,
      hint: "Find who mounted it.",
    };
  }
  if (isReadOnly(now)) {
    return {
      code: "VOLUME_READ_ONLY",
      message: `The volume ${realPath} became read-only.`,
      hint: "See the kernel log: a file system turns read-only after an error.",
    };
  }
  return null;
}
