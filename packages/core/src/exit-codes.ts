/** Exit codes of `holdfast run` that are not the application's own (sysexits where a number exists). */
export const EXIT_CODES = {
  USAGE: 64,
  STORE_UNREACHABLE: 69,
  INTERNAL: 70,
  HELD_BY_ANOTHER: 75,
  BAD_CONFIGURATION: 78,
  WAIT_LIMIT: 79,
  LEASE_LOST: 80,
  VOLUME_CHECK_FAILED: 81,
  WRONG_VOLUME_OR_LOST_STORE: 82,
  CANNOT_ATTACH_OR_FENCE: 83,
  RESTORE_FAILED: 84,
  COMMAND_NOT_EXECUTABLE: 126,
  COMMAND_NOT_FOUND: 127,
} as const;
export type ExitCodeName = keyof typeof EXIT_CODES;

export const EXIT_CODE_MEANINGS: Readonly<Record<ExitCodeName, string>> = {
  USAGE: "the command line was wrong; nothing was started",
  STORE_UNREACHABLE: "the coordination store could not be reached or denied access at start; nothing was started",
  INTERNAL: "a defect in Holdfast; the application was stopped",
  HELD_BY_ANOTHER: "another run holds the lease and --wait was not given; nothing was started",
  BAD_CONFIGURATION: "the configuration cannot work (impossible time budget, unreadable secret, wrong store URL)",
  WAIT_LIMIT: "the limit of --wait was reached while another run held the lease or the claim",
  LEASE_LOST: "the lease was lost or could not be renewed; the application was stopped in time",
  VOLUME_CHECK_FAILED: "the volume was missing, read-only, hung, or changed under the application",
  WRONG_VOLUME_OR_LOST_STORE: "the volume belongs to another service, or the store knows less than the volume",
  CANNOT_ATTACH_OR_FENCE: "the storage could not be attached, or a former holder could not be fenced",
  RESTORE_FAILED: "the restore at start was refused or failed",
  COMMAND_NOT_EXECUTABLE: "the command exists but could not be executed",
  COMMAND_NOT_FOUND: "the command was not found",
};

/** 128 + n, as a shell reports a command that a signal ended. */
export function signalExitCode(signal: number): number {
  return 128 + signal;
}
