import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { binary, isLive, until } from "./harness.js";

const guard = join(import.meta.dirname, "guard.mjs");
const quote = (words: readonly string[]): string => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

interface Terminal {
  readonly process: ChildProcess;
  text(): string;
  type(keys: string): void;
}

/** A shell command line at a terminal of its own. The guard in it starts the application under a distant deadline. */
function terminal(commandLine: string): Terminal {
  const child = spawn("script", ["-qec", commandLine, "/dev/null"], {
    env: { ...process.env, SHELL: "/bin/sh", GUARD_LINES: "deadline 9000000000000000000;start;" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  onTestFinished(async () => {
    const sentry = Number(/sentry (\d+)/.exec(text)?.[1] ?? 0);
    if (sentry > 0 && isLive(sentry)) process.kill(sentry, "SIGKILL");
    child.kill("SIGKILL");
    await until("the sentry's end", () => sentry === 0 || !isLive(sentry));
  });
  return { process: child, text: () => text, type: (keys) => void child.stdin.write(keys) };
}

const guarded = (...command: string[]): string =>
  quote([process.execPath, guard, "inherit", binary, "supervise", "--tree", "auto", "--", ...command]);

test("^C at a terminal reaches the application once and the guard not at all", async () => {
  const app = "trap 'echo app got INT; exit 9' INT; echo app ready; while :; do sleep 0.05; done";
  const { text, type } = terminal(guarded("sh", "-c", app));
  await until("the application waits for ^C", () => text().includes("app ready"));
  type("\x03");
  await until("its exit", () => text().includes("exit code 9"));
  expect(text().split("app got INT").length).toBe(2);
  expect(text()).not.toContain("guard got");
  // The terminal is the guard's again: the next ^C is for it.
  type("\x03");
  await until("the guard's turn", () => text().includes("guard got SIGINT"));
});

test("started in the background, it leaves the terminal to whoever has it", async () => {
  const app = "echo app ready; sleep 1000; true";
  // bash gives a background job a group of its own, and keeps the terminal to itself.
  const { text, type } = terminal(
    `bash -c ${quote([`set -m; trap 'echo shell got INT' INT; ${guarded("sh", "-c", app)} & while :; do wait; done`])}`,
  );
  await until("the application runs", () => text().includes("app ready"));
  type("\x03");
  await until("the shell's turn", () => text().includes("shell got INT"));
  expect(text()).not.toMatch(/guard got|exit signal/);
});
