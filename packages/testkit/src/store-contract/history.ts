import type { StoreVersion } from "@holdfast/core";

/** One step of a process in a random history. `newest`/`older`: which of the versions that this process has seen. */
export type ProgramStep =
  | { readonly op: "get" }
  | { readonly op: "create" }
  | { readonly op: "put"; readonly expect: "newest" | "older" }
  | { readonly op: "delete"; readonly expect: "newest" | "older" };
export type Program = readonly ProgramStep[];

/** What a process did and what it was told. Values are unique per operation. Times are of the shared monotonic clock. */
export type RecordedOperation = { readonly startMs: number; readonly endMs: number } & (
  | { readonly op: "get"; readonly found: { readonly version: StoreVersion; readonly value: string } | null }
  | { readonly op: "create"; readonly value: string; readonly result: WriteResult }
  | { readonly op: "put"; readonly value: string; readonly expected: StoreVersion; readonly result: WriteResult }
  | { readonly op: "delete"; readonly expected: StoreVersion; readonly result: DeleteResult }
);

export type WriteResult = { readonly kind: "done"; readonly version: StoreVersion } | { readonly kind: RefusalKind };
export type DeleteResult = { readonly kind: "done" } | { readonly kind: RefusalKind };
/** `unknown`: may have taken effect at any time since. `unreachable`: certainly had none. */
export type RefusalKind = "exists" | "missing" | "conflict" | "unknown" | "unreachable";

export const REFUSALS: Readonly<Record<string, RefusalKind>> = {
  RECORD_EXISTS: "exists",
  RECORD_MISSING: "missing",
  VERSION_CONFLICT: "conflict",
  UNKNOWN_OUTCOME: "unknown",
  STORE_UNREACHABLE: "unreachable",
};
