import type { StorageProof } from "@holdfast/core";

/** Written by the conformance run, by backend. */
export const PROVEN: Readonly<Record<string, StorageProof>> = {};
