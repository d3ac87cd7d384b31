import { spawn } from "node:child_process";
import { once } from "node:events";
import { HoldfastError } from "@holdfast/core";

const WAIT_S = 10;
const CONFLICT = 75;
const NO_PROGRAM = 127;

/**
 * One operation on a volume at a time, by flock(1), which Node lacks: a small process holds the lock as long as it can
 * read from this one, so the kernel takes it away with this process, however it ends. No server inherits it.
 * @returns what gives it back.
 * @throws `BUSY`.
 */
export async function lockVolume(lockFile: string, how: "shared" | "exclusive"): Promise<() => Promise<void>> {
  const flags = [`--${how}`, "--wait", String(WAIT_S), "--conflict-exit-code", String(CONFLICT)];
  const child = spawn("flock", [...flags, lockFile, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(
    ([code]) => Number(code ?? CONFLICT),
    () => NO_PROGRAM,
  );
  const held = await Promise.race([once(child.stdout, "data").then(() => "held" as const), ended]);
  if (held === "held") {
    return async () => {
      child.stdin.end();
      await ended;
    };
  }
  if (held === CONFLICT) {
    throw new HoldfastError("BUSY", "Another operation on the same volume is under way.", {
      hint: "Call again later with the same arguments.",
      retryable: true,
    });
  }
  throw new HoldfastError("INTERNAL", `flock cannot lock ${lockFile} (${held}).`, { hint: "It is in util-linux." });
}
