import * as z from "zod";

/** How strong the promise "never two writers" is for a service, weakest first. */
export const GRADES = ["none", "lease-only", "agent-fenced", "storage-fenced"] as const;
export const gradeSchema = z.enum(GRADES);
export type Grade = z.output<typeof gradeSchema>;

/** In plain words; printed beside every grade. */
export const GRADE_MEANINGS: Readonly<Record<Grade, string>> = {
  none: "no failover",
  "lease-only":
    "deadline and cut on the holder's own machine; does not cover a paused virtual machine, processes stuck in the kernel, or data already handed to a cache or the network",
  "agent-fenced": "the former holder's machine is shut down before the next one starts",
  "storage-fenced": "the storage cuts the former holder off before the next one mounts, and the suite saw it",
};

/** What a strategy says of itself, and what its suite proved on the real thing. Both are needed. */
export interface GradeEvidence {
  readonly declared: Grade;
  readonly proven: Grade;
  readonly why: string;
}

/** A promise is worth what was declared *and* proven; over several volumes, the weakest. */
export function computeGrade(volumes: readonly GradeEvidence[]): { grade: Grade; why: string } {
  let weakest: { grade: Grade; why: string } | undefined;
  for (const volume of volumes) {
    const grade = weaker(volume.declared, volume.proven);
    const why =
      grade === volume.declared
        ? volume.why
        : `${volume.why}; declared ${volume.declared}, proven only ${volume.proven}`;
    if (weakest === undefined || GRADES.indexOf(grade) < GRADES.indexOf(weakest.grade)) weakest = { grade, why };
  }
  return weakest ?? { grade: "none", why: "no volume" };
}

function weaker(a: Grade, b: Grade): Grade {
  return GRADES.indexOf(a) <= GRADES.indexOf(b) ? a : b;
}

export function meetsGrade(actual: Grade, minimum: Grade): boolean {
  return GRADES.indexOf(actual) >= GRADES.indexOf(minimum);
}
