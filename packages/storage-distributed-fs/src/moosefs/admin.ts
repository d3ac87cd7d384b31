import { createHash } from "node:crypto";
import { HoldfastError, hasCode, type Op } from "@holdfast/core";
import { control } from "../control.js";
import { type ExportsFile, parseExports, renderExports } from "./exports.js";
import type { MooseFsOptions } from "./options.js";

/**
 * Exchanges the exports only when they are still what was read: two controllers may fence at once. Runs on the master's machine, where
 * nothing but a shell does "compare, write, rename" under one lock.
 */
const EXCHANGE = [
  'test "$(sha256sum < "$1")" = "$2  -" || exit 9',
  'cat > "$1.new"',
  'chmod --reference="$1" "$1.new"',
  'chown --reference="$1" "$1.new"',
  // Whoever sends it may die in the middle, which looks like the end of the file.
  'test "$(sha256sum < "$1.new")" = "$3  -"',
  'sync "$1.new"',
  'mv "$1.new" "$1"',
].join("\n");
const CHANGED_MEANWHILE = 9;
const LOCK_WAIT_SECONDS = "5";

/** What `mfscli` says of the master, the first of `servers` that answers. @throws `BUSY` when none does. */
export async function mfscli(op: Op, options: MooseFsOptions, ...args: readonly string[]): Promise<string> {
  let cause: unknown;
  for (const host of options.servers) {
    const argv = ["mfscli", "-p", "-n", "-H", host, "-P", String(options.masterPort), ...args];
    try {
      return (await control(op, options, argv)).stdout;
    } catch (error) {
      if (!hasCode(error, "INTERNAL")) throw error;
      cause = error;
    }
  }
  throw new HoldfastError("BUSY", `The master does not answer mfscli: ${(cause as Error).message}`, {
    hint: "See whether mfsmaster runs, and whether `control` reaches it.",
    retryable: true,
    cause,
  });
}

export async function readExports(op: Op, options: MooseFsOptions): Promise<{ file: ExportsFile; text: string }> {
  const { stdout } = await control(op, options, ["cat", options.exportsFile]);
  // `exec` takes one newline off the end.
  const text = `${stdout.replace(/\n$/, "")}\n`;
  return { file: parseExports(text), text };
}

/** Reads, changes, exchanges; again when somebody else was faster. Resolves to whether anything was changed. */
export async function changeExports(
  op: Op,
  options: MooseFsOptions,
  change: (file: ExportsFile) => ExportsFile,
): Promise<boolean> {
  const deadlineMs = op.clock.now().monoMs + options.controlTimeoutMs;
  while (true) {
    const { file, text } = await readExports(op, options);
    const wanted = renderExports(change(file));
    if (wanted === text) return false;
    const lock = ["flock", "-w", LOCK_WAIT_SECONDS, `${options.exportsFile}.lock`];
    const sum = (of: string) => createHash("sha256").update(of).digest("hex");
    const { exitCode } = await control(
      op,
      options,
      [...lock, "sh", "-ec", EXCHANGE, "sh", options.exportsFile, sum(text), sum(wanted)],
      {
        input: wanted,
        okExitCodes: [0, CHANGED_MEANWHILE],
      },
    );
    if (exitCode === 0) return true;
    if (op.clock.now().monoMs > deadlineMs) {
      throw new HoldfastError("BUSY", `${options.exportsFile} changes faster than it can be written.`, {
        hint: "See what else writes it: configuration management would undo a fence.",
        retryable: true,
      });
    }
  }
}

/** The running master takes the exports in, and drops clients whose line is gone or changed; the others come back by themselves. */
export async function reloadMaster(op: Op, options: MooseFsOptions): Promise<void> {
  await control(op, options, ["mfsmaster", "-c", options.masterConfigFile, "reload"]);
}
