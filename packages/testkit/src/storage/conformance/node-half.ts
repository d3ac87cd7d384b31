import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import {
  type AttachContext,
  type CheckResult,
  type CutResult,
  type DataLossReceipt,
  type Grant,
  HoldfastError,
  type MountEntry,
  type Volume,
  type VolumeEvidence,
  type VolumeMetrics,
} from "@holdfast/core";
import { bounded } from "@holdfast/effects";
import type { StorageAgent } from "../world.js";
import { findInit } from "./init-path.js";
import { type LineProcess, startLineProcess } from "./runner/line-process.js";
import {
  type CrashPoint,
  decodeLine,
  encodeLine,
  fromWireError,
  HELPER_PREFIX,
  type HelperVerb,
  type HelperVerbs,
  type LauncherEvent,
  type LauncherOptions,
  type Response,
  type RunnerEvent,
} from "./runner/protocol.js";
import { resolveStrategy, type StrategyReference } from "./strategy-reference.js";

// On a machine with an emulated processor two programs of this runtime take a while to start.
const START_MS = 180_000;
const CALL_MS = 60_000;
/** A mount has a limit of its own, which may be that of a server that shuts a dead client out. */
const MOUNT_MS = 180_000;
const END_MS = 10_000;
const LOG_LINES_MAX = 200;

export interface NodeHalfOptions {
  readonly agent: StorageAgent;
  readonly strategy: StrategyReference;
  /** Default `pid-namespace`: as in a run. `none` is where `cut` is called, on the same agent, after the tree is gone. */
  readonly tree?: LauncherOptions["tree"];
  /** Path of `holdfast-init` on the agent; default: see `findInit`. */
  readonly init?: string;
}

export interface CallOptions {
  /** Default 60 000. @throws `UNKNOWN_OUTCOME` after it; the call goes on in the tree. */
  readonly timeoutMs?: number;
  /** The call ends there as if its process had been killed, with `CRASHED`. */
  readonly crash?: CrashPoint;
}

export interface CallReport {
  readonly result: unknown;
  readonly error: HoldfastError | undefined;
  /** What the call did to the world, in order. */
  readonly effects: readonly string[];
}

/** A strategy's node verbs, called in a tree on an agent. */
export interface NodeVerbs {
  prepare(volume: Volume, context: AttachContext, grant: Grant, options?: CallOptions): Promise<void>;
  check(volume: Volume, context: AttachContext, options?: CallOptions): Promise<CheckResult>;
  repair(volume: Volume, context: AttachContext, grant: Grant, how: "safe" | "force"): Promise<CheckResult>;
  format(volume: Volume, context: AttachContext, grant: Grant): Promise<void>;
  mount(volume: Volume, context: AttachContext, grant: Grant, options?: CallOptions): Promise<void>;
  verify(volume: Volume, grant: Grant, options?: CallOptions): Promise<VolumeEvidence>;
  cut(volume: Volume, options?: CallOptions): Promise<CutResult>;
  unmount(volume: Volume, options?: CallOptions): Promise<void>;
  release(volume: Volume, options?: CallOptions): Promise<void>;
  metrics(volume: Volume, options?: CallOptions): Promise<VolumeMetrics>;
  restore(volume: Volume, from: string, grant: Grant): Promise<DataLossReceipt>;
}

/**
 * A run's storage process on an agent, in a tree with the properties of a run's: PID and mount namespace of its own,
 * which the kernel empties. What `mount` mounts is seen by this and by no other.
 */
export interface NodeHalf extends NodeVerbs {
  readonly agent: StorageAgent;
  /** Any verb of the strategy by name, with what it did; never rejects because of the strategy. */
  report(verb: string, args: readonly unknown[], options?: CallOptions): Promise<CallReport>;
  call(verb: string, args: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** Helpers inside the tree; see {@link HelperVerbs}. */
  help<V extends HelperVerb>(
    verb: V,
    argument: HelperVerbs[V]["argument"],
    options?: { timeoutMs?: number },
  ): Promise<HelperVerbs[V]["result"]>;
  mounts(): Promise<readonly MountEntry[]>;
  /**
   * SIGKILL to the whole tree. `gone`: nothing of it is left. `stuck`: something of it hangs in the kernel.
   * Idempotent; also the way to close it.
   */
  kill(): Promise<{ readonly kind: "gone" } | { readonly kind: "stuck"; readonly processes: readonly string[] }>;
  /** SIGSTOP to every process of the tree, its supervisors included. */
  stop(): Promise<void>;
  resume(): Promise<void>;
  /** Whether the tree is gone, by `kill` or by itself. */
  over(): boolean;
  /** The newest log lines of the strategy, and what the processes wrote to stderr. */
  log(): string;
}

export async function startNodeHalf(options: NodeHalfOptions): Promise<NodeHalf> {
  const launcher: LauncherOptions = {
    tree: options.tree ?? "pid-namespace",
    init: options.init ?? findInit(),
    strategy: resolveStrategy(options.strategy),
  };
  const main = fileURLToPath(new URL("./runner/launcher-main.js", import.meta.url));
  // In a single executable this program is no node, but the user has one, who has installed this package with it.
  const half = new RunningHalf(options.agent, [isSea() ? "node" : process.execPath, main, JSON.stringify(launcher)]);
  try {
    await half.ready(START_MS);
  } catch (error) {
    await half.kill();
    throw error;
  }
  return half;
}

interface Waiting {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: Error) => void;
}

class RunningHalf implements NodeHalf {
  readonly agent: StorageAgent;
  readonly #process: LineProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #events = new Map<string, { resolve: (event: LauncherEvent) => void; promise: Promise<LauncherEvent> }>();
  readonly #lines: string[] = [];
  #ready: () => void = () => undefined;
  readonly #isReady = new Promise<void>((resolve) => {
    this.#ready = resolve;
  });
  #next = 1;
  #over = false;

  constructor(agent: StorageAgent, argv: readonly string[]) {
    this.agent = agent;
    this.#process = startLineProcess(agent.command(argv), (line) => this.#receive(line));
    void this.#process.ended.then((how) => this.#end(how));
  }

  async ready(timeoutMs: number): Promise<void> {
    const ended = this.#process.ended.then((how) => {
      throw new Error(`The runner on ${this.agent.id} did not start: ${how}. ${this.log()}`);
    });
    const what = `The runner on ${this.agent.id}`;
    await bounded(Promise.race([this.#isReady, ended]), { timeoutMs, code: "INTERNAL", what, hint: this.log() });
  }

  prepare(volume: Volume, context: AttachContext, grant: Grant, options?: CallOptions) {
    return this.call("prepare", [volume, context, grant], options) as Promise<void>;
  }
  check(volume: Volume, context: AttachContext, options?: CallOptions) {
    return this.call("check", [volume, context], options) as Promise<CheckResult>;
  }
  repair(volume: Volume, context: AttachContext, grant: Grant, how: "safe" | "force") {
    return this.call("repair", [volume, context, grant, how]) as Promise<CheckResult>;
  }
  format(volume: Volume, context: AttachContext, grant: Grant) {
    return this.call("format", [volume, context, grant]) as Promise<void>;
  }
  mount(volume: Volume, context: AttachContext, grant: Grant, options: CallOptions = { timeoutMs: MOUNT_MS }) {
    return this.call("mount", [volume, context, grant], options) as Promise<void>;
  }
  verify(volume: Volume, grant: Grant, options?: CallOptions) {
    return this.call("verify", [volume, grant], options) as Promise<VolumeEvidence>;
  }
  cut(volume: Volume, options?: CallOptions) {
    return this.call("cut", [volume], options) as Promise<CutResult>;
  }
  unmount(volume: Volume, options?: CallOptions) {
    return this.call("unmount", [volume], options) as Promise<void>;
  }
  release(volume: Volume, options?: CallOptions) {
    return this.call("release", [volume], options) as Promise<void>;
  }
  metrics(volume: Volume, options?: CallOptions) {
    return this.call("metrics", [volume], options) as Promise<VolumeMetrics>;
  }
  restore(volume: Volume, from: string, grant: Grant) {
    return this.call("restore", [volume, from, grant]) as Promise<DataLossReceipt>;
  }
  mounts() {
    return this.help("mounts", {});
  }

  async call(verb: string, args: readonly unknown[], options: CallOptions = {}): Promise<unknown> {
    const { result, error } = await this.report(verb, args, options);
    if (error !== undefined) throw error;
    return result;
  }

  async report(verb: string, args: readonly unknown[], options: CallOptions = {}): Promise<CallReport> {
    const response = await this.#ask(verb, args, options);
    const { effects } = response;
    if ("error" in response) return { result: undefined, error: fromWireError(response.error), effects };
    return { result: response.result, error: undefined, effects };
  }

  async help<V extends HelperVerb>(verb: V, argument: HelperVerbs[V]["argument"], options: CallOptions = {}) {
    return (await this.call(HELPER_PREFIX + verb, [argument], options)) as HelperVerbs[V]["result"];
  }

  async kill() {
    this.#process.send(encodeLine({ launcher: "kill" }));
    const event = await Promise.race([this.#event("gone"), this.#event("stuck"), this.#process.ended]);
    await this.#closed();
    if (typeof event === "object" && event.launcher === "stuck")
      return { kind: "stuck" as const, processes: event.processes };
    return { kind: "gone" as const };
  }

  async stop() {
    await this.#obeyed("stop", "stopped");
  }

  async resume() {
    await this.#obeyed("resume", "resumed");
  }

  over(): boolean {
    return this.#over;
  }

  log(): string {
    return [...this.#lines, this.#process.stderr()].join("\n").trim();
  }

  async #ask(verb: string, args: readonly unknown[], { timeoutMs, crash }: CallOptions): Promise<Response> {
    if (this.#over) throw this.#overError(verb);
    const id = this.#next++;
    const answer = new Promise<Response>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#process.send(encodeLine({ id, verb, arguments: args, ...(crash === undefined ? {} : { crash }) }));
    const what = `${verb} on ${this.agent.id}`;
    const hint = `What the runner wrote: ${this.#lines.slice(-5).join(" | ")}`;
    return bounded(answer, { timeoutMs: timeoutMs ?? CALL_MS, code: "UNKNOWN_OUTCOME", what, hint });
  }

  async #obeyed(launcher: "stop" | "resume", answer: "stopped" | "resumed"): Promise<void> {
    const event = this.#event(answer);
    this.#process.send(encodeLine({ launcher }));
    const what = `${launcher} on ${this.agent.id}`;
    await bounded(event, { timeoutMs: END_MS, code: "INTERNAL", what, hint: this.log() });
    this.#events.delete(answer);
  }

  /** The launcher ends by itself; if it does not, its end takes the tree along. */
  async #closed(): Promise<void> {
    const bound = { timeoutMs: END_MS, code: "INTERNAL", what: `the launcher on ${this.agent.id}` } as const;
    try {
      await bounded(this.#process.ended, { ...bound, hint: this.log() });
    } finally {
      this.#process.kill();
    }
  }

  #event(name: string): Promise<LauncherEvent> {
    let entry = this.#events.get(name);
    if (entry === undefined) {
      let resolve: (event: LauncherEvent) => void = () => undefined;
      const promise = new Promise<LauncherEvent>((settle) => {
        resolve = settle;
      });
      entry = { resolve, promise };
      this.#events.set(name, entry);
    }
    return entry.promise;
  }

  #receive(line: string): void {
    let message: LauncherEvent | RunnerEvent | Response;
    try {
      message = decodeLine(line) as typeof message;
    } catch {
      this.#keep(line);
      return;
    }
    if ("launcher" in message) {
      if (message.launcher === "failed") this.#keep(`launcher: ${message.why}`);
      void this.#event(message.launcher);
      this.#events.get(message.launcher)?.resolve(message);
    } else if ("event" in message) {
      if (message.event === "ready") this.#ready();
      if (message.event === "log") this.#keep(`${message.level} ${message.message} ${JSON.stringify(message.fields)}`);
      if (message.event === "application") this.#keep(`application ${message.application} ended: ${message.ended}`);
    } else {
      this.#waiting.get(message.id)?.resolve(message);
      this.#waiting.delete(message.id);
    }
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > LOG_LINES_MAX) this.#lines.shift();
  }

  #end(how: string): void {
    this.#over = true;
    this.#keep(`the runner is gone: ${how}`);
    for (const { reject } of this.#waiting.values()) reject(this.#overError("a call"));
    this.#waiting.clear();
  }

  #overError(verb: string): HoldfastError {
    const message = `The tree on ${this.agent.id} is gone, and with it ${verb}.`;
    return new HoldfastError("UNKNOWN_OUTCOME", message, { hint: this.log() });
  }
}
