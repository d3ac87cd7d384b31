import { HoldfastError } from "@holdfast/core";
import type { NbdOptions } from "../options.js";

/** Pure: what a client's last words mean. */
export function connectError({ server }: NbdOptions, name: string, ended: string, output: string): HoldfastError {
  const where = `${server.address}:${server.port}`;
  const detail = { output: output.slice(-1_000), ended };
  if (
    /No such file or directory for export|export .*not (available|found|present)|No export with name|ENOENT|unknown export/i.test(
      output,
    )
  ) {
    return new HoldfastError("STALE_EPOCH", `The server ${where} does not export ${name} any more.`, {
      hint: "It was detached, or a newer run has fenced this one: the grant is void.",
      detail,
    });
  }
  if (
    /disconnected|policy|EPERM|EINVAL|Operation not permitted|denied|shutting down|EOF|Failed to read/i.test(output)
  ) {
    return new HoldfastError("BUSY", `The server ${where} refuses a connection to ${name}.`, {
      hint: "Another client is connected, or a dead one's connection still counts: a fence or a new attach ends it.",
      retryable: true,
      detail: { ...detail, refused: true },
    });
  }
  return new HoldfastError("BUSY", `No connection to ${name} at ${where}: ${ended}.`, {
    hint: output.trim() === "" ? "Is the server up and reachable from this agent?" : output.trim().slice(-500),
    retryable: true,
    detail,
  });
}

/** The server is there and takes no further client now. */
export function isRefusal(error: unknown): boolean {
  return error instanceof HoldfastError && error.detail.refused === true;
}
