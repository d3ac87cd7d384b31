import type { StorageProof } from "@holdfast/core";

/** Written by the conformance run, by backend. */
export const PROVEN: Readonly<Record<string, StorageProof>> = {
  "local-directory": {
    backend: "local-directory",
    grade: "lease-only",
    at: "2026-11-29T04:07:44.009Z",
    server: "ext4 on Linux 6.18.44-fc-v669",
    why: "movesBetweenAgents: false",
  },
};
