import { writeSync } from "node:fs";
import { openGuardChannel } from "./channel.js";
import { LockProcess } from "./lock-process.js";

const STDERR = 2;
const EXIT_DEFECT = 70;

/**
 * The lock process: store client and lease, and nothing else on its event loop. It decides nothing about the
 * application; it tells the guard what the store said.
 */
export function main(): void {
  process.title = "holdfast-lock";
  // Schedulers and terminals signal every process of the tree; only the guard acts on these.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => undefined);
  // An error nobody expected leaves this process in an unknown state. It ends; the guard's deadline stands, and the
  // guard starts a fresh one that goes on with the same epoch.
  const die = (error: unknown) => {
    writeSync(
      STDERR,
      `holdfast: lock process: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(EXIT_DEFECT);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
  const lockProcess = new LockProcess((code) => process.exit(code));
  const channel = openGuardChannel(
    (message) => lockProcess.handle(message),
    () => lockProcess.guardIsGone(),
  );
  lockProcess.attach(channel);
}
