import type { ExitCodeName } from "./exit-codes.js";

export interface ErrorCodeEntry {
  /** What happened, in general. */
  readonly meaning: string;
  /** What the caller does next. */
  readonly reaction: string;
  /** How `holdfast run` ends when this error ends it. */
  readonly exit: ExitCodeName;
}

const entry = (exit: ExitCodeName, meaning: string, reaction: string): ErrorCodeEntry => ({ exit, meaning, reaction });

/** Codes a storage strategy may answer with. Closed: a plugin that needs another one needs another core. */
export const STORAGE_ERROR_CODES = {
  INVALID_SPEC: entry(
    "BAD_CONFIGURATION",
    "the options contradict each other or the backend",
    "correct the service file; do not retry",
  ),
  NOT_FOUND: entry(
    "VOLUME_CHECK_FAILED",
    "the volume does not exist",
    "do not retry; provision it or correct the name",
  ),
  INCOMPATIBLE: entry(
    "BAD_CONFIGURATION",
    "the volume exists with other parameters than asked for",
    "do not retry; compare the two",
  ),
  HELD_BY_OTHER: entry("HELD_BY_ANOTHER", "another run or agent has it", "wait, or plan a fence; never force"),
  NO_CAPACITY: entry("CANNOT_ATTACH_OR_FENCE", "no room, or no agent offers it", "wait or place elsewhere"),
  BUSY: entry(
    "CANNOT_ATTACH_OR_FENCE",
    "another operation on the same volume is under way",
    "call again later with the same arguments",
  ),
  NEEDS_REPAIR: entry(
    "VOLUME_CHECK_FAILED",
    "the file system needs a check before it can be mounted",
    "call check, then repair where it is safe",
  ),
  IDENTITY_MISMATCH: entry(
    "WRONG_VOLUME_OR_LOST_STORE",
    "the volume is not the one it should be",
    "stop; a person looks",
  ),
  STALE_EPOCH: entry(
    "WRONG_VOLUME_OR_LOST_STORE",
    "the volume or the store has seen a higher epoch",
    "stop; the grant is void",
  ),
  UNFENCEABLE: entry("CANNOT_ATTACH_OR_FENCE", "a former holder cannot be fenced", "wait and alert; never go on"),
  UNKNOWN_OUTCOME: entry(
    "CANNOT_ATTACH_OR_FENCE",
    "it cannot be told whether the call took effect",
    "observe, then call again or reverse",
  ),
  UNSUPPORTED: entry("BAD_CONFIGURATION", "the backend cannot do this", "do not retry; capabilities say so beforehand"),
  DENIED: entry("STORE_UNREACHABLE", "credentials or permissions are missing", "do not retry; correct the credentials"),
  INTERNAL: entry("INTERNAL", "a defect", "stop and report"),
} as const satisfies Record<string, ErrorCodeEntry>;
export type StorageErrorCode = keyof typeof STORAGE_ERROR_CODES;

/** Codes of the coordination store and the lease, beside UNKNOWN_OUTCOME, DENIED and INTERNAL above. */
export const COORDINATION_ERROR_CODES = {
  STORE_UNREACHABLE: entry(
    "STORE_UNREACHABLE",
    "no answer; the request certainly had no effect",
    "retry until the deadline; the deadline runs on",
  ),
  STORE_CLOSED: entry("INTERNAL", "the store object was closed by its owner", "do not retry on this object"),
  STORE_UNSUITABLE: entry(
    "BAD_CONFIGURATION",
    "the store cannot keep its promises there (network file system, missing root)",
    "choose another place",
  ),
  STORE_LOST: entry(
    "WRONG_VOLUME_OR_LOST_STORE",
    "the store knows less than the volume: it was lost or restored",
    "holdfast lock recover, after making sure that nothing runs",
  ),
  RECORD_EXISTS: entry("INTERNAL", "create found a record", "read it and decide again"),
  RECORD_MISSING: entry(
    "LEASE_LOST",
    "a record that must exist is gone",
    "a holder stops; a candidate creates it held by nobody",
  ),
  VERSION_CONFLICT: entry("INTERNAL", "the record changed since it was read", "read again and decide again"),
  RECORD_INVALID: entry(
    "BAD_CONFIGURATION",
    "a stored record cannot be read: unknown major version or damaged",
    "stop; use the version that wrote it, or repair by hand",
  ),
  RECORD_TOO_LARGE: entry("INTERNAL", "a record exceeds what the store may hold", "store less"),
  LEASE_LOST: entry(
    "LEASE_LOST",
    "the lease belongs to another run, or was not renewed in time",
    "everything that can write is stopped",
  ),
  WAIT_LIMIT: entry("WAIT_LIMIT", "the waiting limit was reached", "try later; the message names the holder"),
} as const satisfies Record<string, ErrorCodeEntry>;
export type CoordinationErrorCode = keyof typeof COORDINATION_ERROR_CODES;

/** Codes of the clients of Marathon and Mesos, beside those above. */
export const API_ERROR_CODES = {
  API_UNREACHABLE: entry(
    "STORE_UNREACHABLE",
    "Marathon or Mesos did not answer; the request certainly had no effect",
    "retry until the deadline; the message says what each address answered",
  ),
  API_UNREADABLE: entry(
    "INTERNAL",
    "Marathon or Mesos answered something that its published contract does not know",
    "check that the address is the right one, and its version",
  ),
} as const satisfies Record<string, ErrorCodeEntry>;
export type ApiErrorCode = keyof typeof API_ERROR_CODES;

/** Codes of the executable and the supervisor. */
export const RUN_ERROR_CODES = {
  USAGE: entry("USAGE", "the command line is wrong", "see --help"),
  BAD_CONFIGURATION: entry(
    "BAD_CONFIGURATION",
    "the configuration cannot work",
    "the message names the number or the key",
  ),
  IMPOSSIBLE_BUDGET: entry(
    "BAD_CONFIGURATION",
    "the lease's numbers contradict each other",
    "the message names each term and which to change",
  ),
  VOLUME_MISSING: entry(
    "VOLUME_CHECK_FAILED",
    "the volume's directory is not there or not mounted",
    "mount it; nothing was written",
  ),
  VOLUME_UNMARKED: entry(
    "WRONG_VOLUME_OR_LOST_STORE",
    "the directory carries no volume mark",
    "holdfast volume init PATH --service NAME, after looking at what is in it",
  ),
  VOLUME_READ_ONLY: entry(
    "VOLUME_CHECK_FAILED",
    "the volume is mounted read-only",
    "look at the kernel log of the agent and at the server",
  ),
  VOLUME_HUNG: entry(
    "VOLUME_CHECK_FAILED",
    "the volume did not answer within its limit",
    "look at the server; nothing else waited for it",
  ),
  VOLUME_CHANGED: entry(
    "VOLUME_CHECK_FAILED",
    "another file system is mounted there than at the start",
    "find who unmounted it",
  ),
  VOLUME_IO_ERROR: entry(
    "VOLUME_CHECK_FAILED",
    "write, fsync or read back failed on the volume",
    "look at the agent's disk or the server",
  ),
  CLAIM_HELD: entry(
    "WAIT_LIMIT",
    "a process still holds the claim on the volume",
    "find and end it; the message names the last holder",
  ),
  PROTECTION_MISSING: entry(
    "BAD_CONFIGURATION",
    "neither the native init nor util-linux can be used here",
    "build the native init, or install util-linux",
  ),
  COMMAND_NOT_FOUND: entry("COMMAND_NOT_FOUND", "the command was not found", "correct the command after --"),
  COMMAND_NOT_EXECUTABLE: entry(
    "COMMAND_NOT_EXECUTABLE",
    "the command could not be executed",
    "check its mode and interpreter",
  ),
  RESTORE_FAILED: entry("RESTORE_FAILED", "the restore at start was refused or failed", "see the report"),
  NOT_RUNNING: entry("USAGE", "no such run on this machine", "check the service name"),
} as const satisfies Record<string, ErrorCodeEntry>;
export type RunErrorCode = keyof typeof RUN_ERROR_CODES;

export const ERROR_CODES = {
  ...STORAGE_ERROR_CODES,
  ...COORDINATION_ERROR_CODES,
  ...API_ERROR_CODES,
  ...RUN_ERROR_CODES,
};
export type ErrorCode = keyof typeof ERROR_CODES;
