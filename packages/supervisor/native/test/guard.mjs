// A guard in a process of its own, so that it can be killed and stopped: spawns holdfast-init with the given arguments,
// passes lines from stdin to the control socket and back to stdout. Says when it gets a signal that it should not get.
import { spawn } from "node:child_process";

const [stdin, program, ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: [stdin, "inherit", "ignore", "pipe", "pipe"] });
const say = (line) => process.stderr.write(`${line}\n`);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => say(`guard got ${signal}`));
child.stdio[3].pipe(process.stderr, { end: false });
child.stdio[4].resume();
child.on("exit", (code, signal) => say(`sentry ended ${code} ${signal}`));
say(`sentry ${child.pid}`);
if (stdin === "ignore") process.stdin.pipe(child.stdio[3]);
else child.stdio[3].write(process.env.GUARD_LINES.replaceAll(";", "\n"));
