import { runInGuest } from "./client.js";

/*
 * `node run-main.js PORT -- program args…`: runs it in the guest behind that port, as if it ran here. Signals are passed
 * on, and it ends as the program did.
 */

const [port = "", , ...argv] = process.argv.slice(2);
const env = Object.entries(process.env).filter(([name]) => !name.startsWith("NODE_CHANNEL"));
const run = runInGuest(Number(port), {
  argv,
  env: Object.fromEntries(env) as Record<string, string>,
  cwd: process.cwd(),
  stdout: (chunk) => process.stdout.write(chunk),
  stderr: (chunk) => process.stderr.write(chunk),
});
process.stdin.on("data", (chunk: Buffer) => run.write(chunk));
process.stdin.on("end", () => run.endInput());
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const) {
  process.on(signal, () => run.signal(signal));
}
run.exit.then(
  ({ code, signal, error }) => {
    if (error !== undefined) process.stderr.write(`${error}\n`);
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Of a signal that does not end a process by itself.
    setTimeout(() => process.exit(128), 1_000);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exit(125);
  },
);
