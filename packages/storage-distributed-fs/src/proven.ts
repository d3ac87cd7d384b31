import type { StorageProof } from "@holdfast/core";

/** Written by the conformance run; see `docs/reference/conformance.md`. One entry per backend. */
const PROVEN: readonly StorageProof[] = [
  {
    backend: "glusterfs",
    grade: "storage-fenced",
    at: "2026-11-29T06:54:55.372Z",
    server: "GlusterFS 10.3",
    why: "a former holder's late write is not there: while cut off: buffered write failed (no answer); after healing: buffered failed (ENOTCONN), direct failed (ENOTCONN)",
  },
];

export function provenOf(backend: string): StorageProof | null {
  return PROVEN.find((proof) => proof.backend === backend) ?? null;
}
