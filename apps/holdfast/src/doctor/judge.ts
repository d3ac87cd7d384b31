import type { StorageFinding } from "@holdfast/core";
import type { VolumeLook } from "@holdfast/effects";
import { fileSystemKind } from "./file-systems.js";
import { claimFindings, markFindings, mountFindings, spaceFindings } from "./findings.js";
import type { DoctorReport, MountFacts, PathObservation, Verdict } from "./observation.js";

/** Pure: would a run be safe on what was seen? Equal observations give equal reports. */
export function judgePath(seen: PathObservation, expected: { readonly service: string | null }): DoctorReport {
  if (seen.kind === "problem") return judgeProblem(seen);
  const { look, usage, path, claim } = seen;
  if (!look.evidence.mounted) {
    const { code, message, hint } = {
      code: "VOLUME_MISSING" as const,
      message: `There is no directory ${path}.`,
      hint: "Mount the volume, or make the directory.",
    };
    return judgeProblem({ kind: "problem", path, problem: { code, message, hint }, mount: null });
  }
  const findings = [
    ...mountFindings(look),
    ...spaceFindings(path, usage),
    ...markFindings(look, expected.service),
    ...claimFindings(path, claim),
  ];
  const kind = fileSystemKind(look.evidence.fsType, look.evidence.source);
  return {
    path,
    ...verdictOf(findings, look),
    mount: mountFacts(look),
    device: look.evidence.device,
    usage,
    mark: markFacts(look),
    last: look.last === null ? null : pick(look.last),
    grade: { grade: kind.grade, why: kind.why },
    strategy: kind.strategy,
    findings,
  };
}

function judgeProblem({ path, problem, mount }: Extract<PathObservation, { kind: "problem" }>): DoctorReport {
  const kind = mount === null ? null : fileSystemKind(mount.fsType, mount.source);
  return {
    path,
    verdict: "unsafe",
    why: problem.message,
    mount,
    device: null,
    usage: null,
    mark: null,
    last: null,
    grade: kind === null ? { grade: "none", why: "there is nothing to run on" } : { grade: kind.grade, why: kind.why },
    strategy: kind?.strategy ?? null,
    findings: [{ severity: "error", code: problem.code, message: problem.message, fix: problem.hint }],
  };
}

function verdictOf(findings: readonly StorageFinding[], look: VolumeLook): { verdict: Verdict; why: string } {
  const error = findings.find(({ severity }) => severity === "error");
  if (error !== undefined) return { verdict: "unsafe", why: error.message };
  const { mark, empty, epoch } = look.evidence;
  if (mark === null) {
    return {
      verdict: "not-marked",
      why: `nothing speaks against it; ${empty ? "it is empty" : "it holds data"} and must be marked first`,
    };
  }
  const used = epoch === null ? "never used by a run" : `last used under epoch ${epoch}`;
  return { verdict: "safe", why: `it is the ${mark.role} volume of ${mark.service}, ${used}` };
}

function mountFacts({ mount }: VolumeLook): MountFacts | null {
  if (mount === undefined) return null;
  const { mountPoint, fsType, source, options, superOptions } = mount;
  return {
    mountPoint,
    fsType,
    source,
    options: [...new Set([...options, ...superOptions])].filter((name) => name !== ""),
  };
}

function markFacts({ evidence: { mark } }: VolumeLook): DoctorReport["mark"] {
  if (mark === null) return null;
  const { service, role, volumeId, layout, createdAt } = mark;
  return { service, role, volumeId, layout, createdAt };
}

function pick({ epoch, agent, run, leaseMs }: NonNullable<DoctorReport["last"]>): DoctorReport["last"] {
  return { epoch, agent, run, leaseMs };
}
