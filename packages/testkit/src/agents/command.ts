import { spawn } from "node:child_process";

/** What a short administrative command (ip, nft, mount) said. */
export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 20_000;

/** Runs a command to its end. @throws Error with what it printed, when it fails or does not end in time. */
export function command(argv: readonly [string, ...string[]], input = ""): Promise<CommandOutput> {
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], timeout: LIMIT_MS, killSignal: "SIGKILL" });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      output.stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      output.stderr += chunk.toString();
    });
    // A command that does not read its input (EPIPE) says in its exit code whether it minded.
    child.stdin.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") reject(error);
    });
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else
        reject(
          new Error(`${argv.join(" ")} ended with ${code ?? signal}: ${output.stderr.trim() || output.stdout.trim()}`),
        );
    });
  });
}
