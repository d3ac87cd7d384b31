// Appends the monotonic clock (nanoseconds) to FILE every few milliseconds, for ever. With `daemon` it first leaves its
// parent: a child in a session of its own writes, and the process that was started ends at once or, with `stay`, lives on.
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";

const [file, ...modes] = process.argv.slice(2);
if (modes.includes("daemon")) {
  const daemon = spawn(process.execPath, [process.argv[1], file], { detached: true, stdio: "ignore" });
  daemon.unref();
  daemon.on("spawn", () => {
    if (modes.includes("stay")) setInterval(() => undefined, 1_000_000);
    else process.exit(7);
  });
} else {
  setInterval(() => appendFileSync(file, `${process.hrtime.bigint()}\n`), 5);
}
