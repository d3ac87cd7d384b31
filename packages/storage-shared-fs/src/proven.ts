import type { StorageProof } from "@holdfast/core";

/** By backend; written by the conformance run on real servers, and empty until there was one. */
export const PROVEN: Readonly<Record<string, StorageProof>> = {};
