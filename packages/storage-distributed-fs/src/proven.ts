import type { StorageProof } from "@holdfast/core";

/** Written by the conformance run; see `docs/reference/conformance.md`. One entry per backend. */
const PROVEN: readonly StorageProof[] = [];

export function provenOf(backend: string): StorageProof | null {
  return PROVEN.find((proof) => proof.backend === backend) ?? null;
}
