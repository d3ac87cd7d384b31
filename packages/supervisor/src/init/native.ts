import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { nativeVolumeTools } from "@holdfast/effects";
import { createLineSplitter } from "../line-splitter.js";
import type { KeeperListener, KeeperOptions, TreeKeeper } from "./keeper.js";
import { formatInitCommand, parseInitLine } from "./protocol.js";
import { StepOutput } from "./step-output.js";

const CONTROL = 3;
const STEP_OUTPUT = 4;
/** The socket's end follows the process's within this, or is not waited for. */
const LAST_LINES_MS = 200;

export type StartedKeeper =
  | { readonly kind: "started"; readonly keeper: TreeKeeper }
  /** The file could not even be executed: another keeper may do. */
  | { readonly kind: "failed"; readonly why: Promise<string> };

/** Starts the native init. Standard input, output and error are the application's, untouched. */
export function startNativeInit(path: string, options: KeeperOptions, listener: KeeperListener): StartedKeeper {
  const ids = options.user === null ? [] : userArguments(options.user);
  const join = options.join == null ? [] : ["--join", `${options.join.pid}:${options.join.startTicks}`];
  const own = options.piped === true ? "pipe" : "inherit";
  const child = spawn(path, ["supervise", "--tree", options.tree, ...join, ...ids, "--", ...options.command], {
    stdio: [own, own, "inherit", "pipe", "pipe"],
  });
  if (child.pid === undefined) {
    return { kind: "failed", why: new Promise((resolve) => child.on("error", (error) => resolve(error.message))) };
  }
  return { kind: "started", keeper: keep(path, child, options, listener) };
}

function userArguments({ uid, gid, groups }: NonNullable<KeeperOptions["user"]>): string[] {
  const supplementary = groups.length === 0 ? [] : ["--groups", groups.join(",")];
  return ["--uid", String(uid), "--gid", String(gid), ...supplementary];
}

function keep(path: string, child: ChildProcess, options: KeeperOptions, listener: KeeperListener): TreeKeeper {
  const control = child.stdio[CONTROL] as Duplex;
  const output = new StepOutput(child.stdio[STEP_OUTPUT] as Readable);
  let namespaced = options.tree !== "subreaper";
  let gone = false;
  let closed = false;

  const close = (how: string) => {
    if (closed || gone) return;
    closed = true;
    listener.onClosed(how);
  };
  control.setEncoding("utf8");
  control.on(
    "data",
    createLineSplitter((line) => {
      const report = parseInitLine(line);
      if (report.type === "hello") namespaced = report.tree !== "subreaper";
      if (report.type === "gone") gone = true;
      if (report.type === "step") output.collect((text) => listener.onStepEnded(report.id, report.outcome, text));
      else listener.onReport(report);
    }),
  );
  // A dead sentry shows as EPIPE or ECONNRESET; what follows from that is the same as from its exit.
  control.on("error", () => undefined);
  // Emitted although the process was started when a signal could not be sent to it: it has ended.
  child.on("error", () => undefined);

  child.on("exit", (code, signal) => {
    const how = signal === null ? `exit code ${code}` : signal;
    const finish = () => {
      // Status 0 says the same as `gone`, for the case that the line was lost.
      if (code === 0 && !gone) listener.onReport({ type: "gone" });
      else close(how);
    };
    if (control.readableEnded || control.destroyed) return finish();
    const timer = setTimeout(finish, LAST_LINES_MS);
    control.once("close", () => {
      clearTimeout(timer);
      finish();
    });
  });

  return {
    keeper: "native",
    channel: child.stdin === null || child.stdout === null ? null : { input: child.stdin, output: child.stdout },
    tools: nativeVolumeTools(path),
    send(command) {
      if (command.type === "step") output.reset();
      if (!control.destroyed && control.writable) control.write(formatInitCommand(command));
    },
    hurry() {
      child.kill("SIGCONT");
      // The kernel ends a namespace with its init, and the init with the sentry. A tree that is walked needs its walker. One
      // inside another tree ends with that, which is not gone before the inner sentry has reaped its init.
      if (namespaced && options.join == null) child.kill("SIGKILL");
    },
    dispose() {
      control.destroy();
      child.stdin?.destroy();
      child.stdout?.destroy();
      output.dispose();
      child.unref();
    },
  };
}
