/*
 * How a test's control target reaches the server's machine: one line of JSON each way over a socket in the file system,
 * which is there on every agent, whatever network or tree it is in.
 */

export interface ControlRequest {
  readonly args: readonly string[];
  /** For its standard input. */
  readonly input: string;
}

export interface ControlResponse {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** sysexits.h: EX_UNAVAILABLE. */
export const NO_SERVER_EXIT_CODE = 69;
