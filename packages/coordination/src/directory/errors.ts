import { type ErrorCode, HoldfastError } from "@holdfast/core";

/** A failed system call, as Node reports it. */
export interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
}

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "code" in error && "syscall" in error && typeof error.code === "string";
}

export function isErrno(error: unknown, ...codes: readonly string[]): error is SystemError {
  return isSystemError(error) && codes.includes(error.code);
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: "This user may not do that there: look at owner and mode of the directory.",
  EPERM: "This user may not do that there: look at owner, mode and attributes (lsattr) of the directory.",
  EROFS: "The file system is read-only: look at the kernel log; an error may have made it so.",
  ENOSPC: "The file system is full, or has no inodes left.",
  EDQUOT: "The quota is used up.",
  EIO: "The disk reports errors: look at the kernel log.",
  EMFILE: "This process has too many open files.",
  ENFILE: "This machine has too many open files.",
};

/**
 * The error of ours that stands for a failed system call. What is no system call's failure is a defect and comes
 * back as it is.
 * @param certain - Whether the call certainly had no effect.
 */
export function translateError(error: unknown, what: string, directory: string, certain: boolean): unknown {
  if (!isSystemError(error)) return error;
  let code: ErrorCode = certain ? "STORE_UNREACHABLE" : "UNKNOWN_OUTCOME";
  let hint = HINTS[error.code] ?? "Look at the directory and the kernel log.";
  if (certain && error.code === "EXDEV") {
    code = "STORE_UNSUITABLE";
    hint = "The whole store must be on one file system, without mounts inside.";
  }
  const message = `${what} in the store ${directory} failed: ${error.code} (${error.syscall}).`;
  return new HoldfastError(code, message, {
    hint,
    retryable: code === "STORE_UNREACHABLE",
    detail: { errno: error.code, syscall: error.syscall },
    cause: error,
  });
}
