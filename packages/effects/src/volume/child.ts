import { spawn } from "node:child_process";
import { constants } from "node:os";

/** How a program that touched a volume ended; `timeout` means that it was given up, not that it is gone. */
export type ChildOutcome =
  | { readonly kind: "code"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: number }
  /** By an init, after the deadline. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "exec"; readonly errno: number; readonly message: string }
  | { readonly kind: "timeout"; readonly timeoutMs: number };

export interface ChildResult {
  readonly outcome: ChildOutcome;
  readonly output: string;
}

const OUTPUT_BYTES_MAX = 512 * 1024;

/**
 * Runs a program outside the tree that may hang on a volume, and gives it up after `timeoutMs`: it gets SIGKILL, and a
 * process in uninterruptible sleep is left behind rather than waited for. Never rejects.
 */
export async function runBounded(argv: readonly string[], timeoutMs: number): Promise<ChildResult> {
  try {
    return await runChild(argv, timeoutMs);
  } catch (error) {
    // No process or descriptor to be had at the moment.
    const message = error instanceof Error ? error.message : String(error);
    return { outcome: { kind: "exec", errno: 0, message }, output: "" };
  }
}

function runChild(argv: readonly string[], timeoutMs: number): Promise<ChildResult> {
  const [file = "", ...args] = argv;
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.unref();
      resolve({ outcome: { kind: "timeout", timeoutMs }, output });
    }, timeoutMs);
    const end = (outcome: ChildOutcome) => {
      clearTimeout(timer);
      resolve({ outcome, output });
    };
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (chunk: string) => {
      if (output.length < OUTPUT_BYTES_MAX) output += chunk;
    });
    child.on("error", (error: NodeJS.ErrnoException) =>
      end({ kind: "exec", errno: Math.abs(error.errno ?? 0), message: error.message }),
    );
    child.on("close", (code, signal) =>
      end(
        code === null
          ? { kind: "signal", signal: signal === null ? 0 : constants.signals[signal] }
          : { kind: "code", code },
      ),
    );
  });
}
