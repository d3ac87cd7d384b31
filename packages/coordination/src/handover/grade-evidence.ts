import type { GradeEvidence, StorageStrategy, Volume } from "@holdfast/core";

/** Pure: what a strategy says of a volume, and what its suite saw of that backend. */
export function gradeEvidence(strategy: StorageStrategy, volume: Volume): GradeEvidence {
  const { backend, declaredGrade: declared } = strategy.capabilities(volume);
  const proof = strategy.proof(volume);
  // Never tried on the real thing: no more than what the deadline gives by itself.
  if (proof === null) return { declared, proven: "lease-only", why: `${backend} was never tried by the suite` };
  return { declared, proven: proof.grade, why: `${backend}: ${proof.why}` };
}
