import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { isGone, type ProcessIdentity, readInstant, readProcess } from "@holdfast/effects";
import { createLineSplitter } from "../line-splitter.js";
import { signalNumber } from "../signals.js";
import type { KeeperListener, KeeperOptions, TreeKeeper } from "./keeper.js";
import { type InitCommand, parseInitLine } from "./protocol.js";
import { READ_SCRIPT, TREE_SCRIPT, WRITE_SCRIPT } from "./util-linux-scripts.js";

export const UTIL_LINUX_PROGRAMS = ["setpriv", "unshare", "flock"] as const;

const CONTROL = 3;
const POLL_MS = 10;
const LAST_LINES_MS = 200;

/**
 * In the place of the native init: `setpriv --pdeathsig` and `unshare --pid --kill-child` around a small shell as PID 1,
 * `flock` for the claim. What it cannot do:
 * - no deadline in the kernel: the guard kills at the deadline, so a guard that is stopped is not noticed, and
 *   a start is refused by the guard's clock only;
 * - the claim is opened by PID 1 itself, and steps run outside the tree, so either may be left hanging on a dead volume;
 * - signals of a terminal reach the application and the guard, so the application gets them twice;
 * - a command that cannot be executed shows as its exit code 126 or 127.
 */
export function startUtilLinux(options: KeeperOptions, listener: KeeperListener): TreeKeeper {
  return new UtilLinuxKeeper(options, listener);
}

class UtilLinuxKeeper implements TreeKeeper {
  readonly keeper = "util-linux";
  readonly channel = null;
  readonly tools = {
    read: ["sh", "-c", READ_SCRIPT, "volume-read"],
    write: ["sh", "-c", WRITE_SCRIPT, "volume-write"],
    settle: ["sync", "-f"],
  };
  readonly #listener: KeeperListener;
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  readonly #namespace: string;
  #init: ProcessIdentity | undefined;
  #application: ProcessIdentity | undefined;
  #deadlineNs: bigint | undefined;
  #steps = new Map<string, ChildProcess>();
  #environment: Record<string, string> = {};
  #finished = false;

  constructor(options: KeeperOptions, listener: KeeperListener) {
    this.#listener = listener;
    const isRoot = process.geteuid?.() === 0;
    this.#namespace = isRoot ? "pid-namespace" : "user-pid-namespace";
    const unshare = [
      "unshare",
      ...(isRoot ? [] : ["--user", "--map-current-user"]),
      "--pid",
      "--fork",
      "--kill-child=KILL",
      "--mount-proc",
    ];
    const command = [...userPrefix(options.user), ...options.command];
    const args = ["--pdeathsig", "KILL", "--", ...unshare, "--", "sh", "-c", TREE_SCRIPT, "holdfast-tree", ...command];
    this.#child = spawn("setpriv", args, { stdio: ["inherit", "inherit", "inherit", "pipe"] });
    this.#control = this.#child.stdio[CONTROL] as unknown as Duplex;
    this.#control.setEncoding("utf8");
    this.#control.on(
      "data",
      createLineSplitter((line) => this.#onLine(line)),
    );
    // A dead PID 1 shows as EPIPE or ECONNRESET, which its exit says too.
    this.#control.on("error", () => undefined);
    this.#child.on("error", (error) => this.#finish(() => listener.onClosed(error.message)));
    this.#child.on("exit", (code, signal) =>
      this.#onExit(signal === null ? `exit code ${code}` : signal, signal === null),
    );
  }

  send(command: InitCommand): void {
    switch (command.type) {
      case "deadline":
        this.#deadlineNs = command.bootNs;
        return this.#write(`deadline ${command.bootNs}`);
      case "deadline-none":
        this.#deadlineNs = undefined;
        return;
      case "env":
        this.#environment[command.name] = command.value;
        return this.#write(`env ${command.name}=${command.value}`);
      case "claim":
        return this.#write(`claim ${command.path}`);
      case "unclaim":
        return this.#write("unclaim");
      case "step":
        return this.#startStep(command.id, command.argv);
      case "step-kill":
        this.#steps.get(command.id)?.kill("SIGKILL");
        return;
      case "start":
        return this.#start(false);
      case "start-replica":
        return this.#start(true);
      case "signal":
        return signalIfSame(this.#application, command.number);
      case "kill":
        return this.#kill();
    }
  }

  hurry(): void {
    this.#kill();
  }

  dispose(): void {
    this.#finished = true;
    this.#control.destroy();
    for (const step of this.#steps.values()) step.unref();
    this.#child.unref();
  }

  #write(line: string): void {
    if (!this.#control.destroyed && this.#control.writable) this.#control.write(`${line}\n`);
  }

  /** PID 1 is the only child of `unshare`, which became of our child; the kernel ends the rest with it. */
  #onLine(line: string): void {
    if (line === "ready") return this.#sayHello();
    const report = parseInitLine(line);
    if (report.type === "step") return;
    if (report.type !== "started") return this.#listener.onReport(report);
    this.#application = this.#findInside(report.pid);
    this.#listener.onReport({ type: "started", pid: this.#application?.pid ?? report.pid });
  }

  #sayHello(): void {
    const init = childrenOf(this.#child.pid ?? 0)[0];
    if (init === undefined) return this.#finish(() => this.#listener.onClosed("its PID 1 cannot be found in /proc"));
    this.#init = init;
    const { monoMs, bootMs } = readInstant();
    this.#listener.onReport({
      type: "hello",
      version: 1,
      tree: this.#namespace,
      init,
      // Both read here, so that guard and keeper mean the same clock.
      monoNs: BigInt(Math.floor(monoMs * 1e6)),
      bootNs: BigInt(Math.floor(bootMs * 1e6)),
      mountProc: true,
    });
  }

  #findInside(pid: number): ProcessIdentity | undefined {
    return childrenOf(this.#init?.pid ?? 0).find((child) => {
      const inner = /^NSpid:.*\s(\d+)$/m.exec(readStatus(child.pid))?.[1];
      return inner === String(pid);
    });
  }

  #start(replica: boolean): void {
    const nowNs = BigInt(Math.floor(readInstant().bootMs * 1e6));
    if (!replica && this.#deadlineNs === undefined)
      return this.#listener.onReport({ type: "refused", reason: "no-deadline" });
    if (!replica && this.#deadlineNs !== undefined && nowNs >= this.#deadlineNs) {
      return this.#listener.onReport({ type: "refused", reason: "deadline" });
    }
    this.#write("start");
  }

  #startStep(id: string, argv: readonly string[]): void {
    const env = { ...process.env, ...this.#environment };
    const step = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    });
    this.#steps.set(id, step);
    let output = "";
    const stdout = step.stdio[1];
    stdout.setEncoding("utf8");
    stdout.on("data", (chunk: string) => {
      output += chunk;
    });
    step.on("error", (error: NodeJS.ErrnoException) => {
      this.#steps.delete(id);
      this.#listener.onStepEnded(
        id,
        { kind: "exec", errno: Math.abs(error.errno ?? 0), message: error.message },
        output,
      );
    });
    step.on("close", (code, signal) => {
      if (!this.#steps.delete(id)) return;
      this.#listener.onStepEnded(
        id,
        code === null ? { kind: "signal", signal: signalNumber(signal) } : { kind: "code", code },
        output,
      );
    });
  }

  #kill(): void {
    for (const step of this.#steps.values()) step.kill("SIGKILL");
    if (this.#init === undefined) this.#child.kill("SIGKILL");
    else signalIfSame(this.#init, signalNumber("SIGKILL"));
  }

  /** unshare ends after it has reaped PID 1, and PID 1 is reaped after everything else of the namespace. */
  #onExit(how: string, byItself: boolean): void {
    const finish = () =>
      this.#finish(() => {
        const init = this.#init;
        if (init === undefined) return this.#listener.onClosed(how);
        if (byItself) return this.#listener.onReport({ type: "gone" });
        this.#awaitGone(init);
      });
    if (this.#control.readableEnded || this.#control.destroyed) return finish();
    const timer = setTimeout(finish, LAST_LINES_MS);
    this.#control.once("close", () => {
      clearTimeout(timer);
      finish();
    });
  }

  #awaitGone(init: ProcessIdentity): void {
    if (isGone(init)) return this.#listener.onReport({ type: "gone" });
    signalIfSame(init, signalNumber("SIGKILL"));
    setTimeout(() => this.#awaitGone(init), POLL_MS).unref();
  }

  #finish(report: () => void): void {
    if (this.#finished) return;
    this.#finished = true;
    report();
  }
}

function userPrefix(user: KeeperOptions["user"]): string[] {
  if (user === null) return [];
  const groups = user.groups.length === 0 ? "--clear-groups" : `--groups=${user.groups.join(",")}`;
  return ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, groups, "--"];
}

function childrenOf(parent: number): ProcessIdentity[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid))
    .flatMap((pid) => {
      const found = readProcess(pid);
      return found?.ppid === parent ? [{ pid, startTicks: found.startTicks }] : [];
    });
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return "";
    throw error;
  }
}

function signalIfSame(identity: ProcessIdentity | undefined, signal: number): void {
  if (identity === undefined || readProcess(identity.pid)?.startTicks !== identity.startTicks) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
