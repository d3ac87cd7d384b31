import { connect } from "node:net";
import { decideHealth, HoldfastError, type RunStatus, runStatusFormat } from "@holdfast/core";
import { defaultStatusSocketPath } from "@holdfast/supervisor";
import type { Command } from "commander";
import { printJson, printLines } from "./output.js";

const TIMEOUT_MS = 5_000;

interface HealthFlags {
  readonly service?: string;
  readonly socket?: string;
  readonly json?: boolean;
}

/** `holdfast health`: for a scheduler's COMMAND check; exit 0 when healthy, 1 when not. */
export function registerHealth(program: Command): void {
  program
    .command("health")
    .description(
      "exit 0 while the run on this machine is healthy: also while it waits, prepares or restores within its limits",
    )
    .option("--service <name>", "the service (default: $HOLDFAST_SERVICE)")
    .option("--socket <path>", "the run's status socket, when it was given one")
    .option("--json", "machine-readable output")
    .action(async (flags: HealthFlags) => {
      const service = flags.service ?? process.env.HOLDFAST_SERVICE;
      if (flags.socket === undefined && service === undefined) {
        throw new HoldfastError("USAGE", "No service was given.", { hint: "Give --service NAME or --socket PATH." });
      }
      const status = await askStatus(
        flags.socket ?? defaultStatusSocketPath(service ?? "", process.env, process.geteuid?.() ?? 0),
      );
      const verdict = decideHealth(status);
      if (flags.json === true) printJson({ ...verdict, status });
      else printLines([`${verdict.healthy ? "healthy" : "unhealthy"}: ${verdict.why}`]);
      if (!verdict.healthy) process.exitCode = 1;
    });
}

/** @throws `NOT_RUNNING` when nobody answers there. */
function askStatus(path: string): Promise<RunStatus> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const chunks: Buffer[] = [];
    const fail = (why: string, cause?: unknown) => {
      socket.destroy();
      reject(
        new HoldfastError("NOT_RUNNING", `No run answers at ${path}: ${why}.`, {
          hint: "Check --service, or give the --status-socket of the run as --socket.",
          cause,
        }),
      );
    };
    socket.setTimeout(TIMEOUT_MS, () => fail("it is silent"));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => fail(error.message, error));
    socket.on("end", () => {
      socket.destroy();
      try {
        resolve(runStatusFormat.parse(Buffer.concat(chunks)));
      } catch (error) {
        reject(error);
      }
    });
  });
}
