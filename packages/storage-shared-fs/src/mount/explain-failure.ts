import { type ErrorCode, HoldfastError, hasCode } from "@holdfast/core";

interface Pattern {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;
}

/** What mount.nfs(8) says, and what it means here. The first that fits. */
const PATTERNS: readonly Pattern[] = [
  {
    pattern: /access denied|operation not permitted|permission denied/i,
    code: "DENIED",
    hint: "The server does not export it to this agent's address: attached elsewhere, fenced, or another address than in options.agents. As root, from a port below 1024?",
    retryable: false,
  },
  {
    pattern: /no such file or directory/i,
    code: "NOT_FOUND",
    hint: "The server has no such export for this agent: compare source with `exportfs -v` there.",
    retryable: false,
  },
  {
    pattern: /stale file handle/i,
    code: "NOT_FOUND",
    hint: "The exported directory was removed or replaced at the server.",
    retryable: false,
  },
  {
    pattern: /requested nfs version.*not supported|protocol not supported|unknown filesystem type|no such device/i,
    code: "INCOMPATIBLE",
    hint: "This kernel or the server does not speak the NFS version of the options.",
    retryable: false,
  },
  {
    pattern:
      /timed out|no route to host|connection refused|network is unreachable|name or service not known|temporary failure/i,
    code: "BUSY",
    hint: "The server cannot be reached from this agent at the moment.",
    retryable: true,
  },
];

/** Pure: an error of `mount` as the operator should read it. */
export function explainMountFailure(error: unknown, source: string): unknown {
  if (!hasCode(error, "INTERNAL") || !(error instanceof Error)) return error;
  const said = "detail" in error ? String((error.detail as { stderr?: unknown }).stderr ?? "").trim() : "";
  const found = PATTERNS.find(({ pattern }) => pattern.test(said));
  if (found === undefined) return error;
  return new HoldfastError(found.code, `${source} could not be mounted: ${said}`, {
    hint: found.hint,
    retryable: found.retryable,
    cause: error,
  });
}

/** Pure: an error of a look at a mounted volume; a stale handle and a squashed root are worth more words. */
export function explainVolumeFailure(error: unknown, source: string): unknown {
  if (!hasCode(error, "VOLUME_IO_ERROR") || !(error instanceof Error)) return error;
  if (/stale/i.test(error.message)) {
    return new HoldfastError("VOLUME_IO_ERROR", `${source} answers with a stale handle: ${error.message}`, {
      hint: "This agent is not exported to any more (fenced?), or the exported directory was replaced. Unmount it (umount -l), then mount it again.",
      detail: { stale: true },
      cause: error,
    });
  }
  if (/permission denied|operation not permitted/i.test(error.message)) {
    return new HoldfastError("DENIED", `${source} refuses to be written by root: ${error.message}`, {
      hint: "The export squashes root. Export it with no_root_squash (exports(5)), or give .holdfast to the anonymous user.",
      detail: { rootSquash: true },
      cause: error,
    });
  }
  return error;
}
