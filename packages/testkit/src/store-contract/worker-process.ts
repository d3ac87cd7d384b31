import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bounded } from "@holdfast/effects";
import type { StoreRecipe } from "./backend.js";
import type { WorkerMessage, WorkerVerb, WorkerVerbs } from "./worker-protocol.js";

const ANSWER_LIMIT_MS = 45_000;

export interface WorkerOptions {
  /** Modules loaded before anything else, to stop the process at a chosen system call. */
  readonly preload?: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: Readonly<Record<string, string>>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process with its own client of the store, which a test may stop, continue and kill. */
export class StoreWorker {
  /** Acknowledgements of `incrementForever`, as they came. */
  readonly acknowledged: { readonly number: number; readonly count: number }[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  #requests = 0;

  constructor(options: WorkerOptions = {}) {
    const preload = (options.preload ?? []).flatMap((module) => ["--import", module]);
    this.#child = fork(fileURLToPath(new URL("./worker.js", import.meta.url)), [], {
      execArgv: preload,
      serialization: "advanced",
      env: { ...process.env, ...options.env },
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    this.#child.on("message", (message: WorkerMessage) => this.#receive(message));
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", () => {
        for (const { reject } of this.#waiting.values()) reject(new Error("The worker process has ended."));
        this.#waiting.clear();
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async open(recipe: StoreRecipe): Promise<void> {
    await this.ask("open", { recipe, timeoutMs: 10_000 });
  }

  /** @throws an error with the store's `code`. */
  async ask<V extends WorkerVerb>(verb: V, argument: WorkerVerbs[V]["argument"]): Promise<WorkerVerbs[V]["answer"]> {
    this.#requests += 1;
    const id = this.#requests;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#child.send({ id, verb, argument });
    const bound = {
      timeoutMs: ANSWER_LIMIT_MS,
      code: "INTERNAL",
      what: `worker ${verb}`,
      hint: "See the test.",
    } as const;
    return (await bounded(answer, bound)) as WorkerVerbs[V]["answer"];
  }

  /** Starts a call whose answer nobody waits for: the process will be killed. */
  tell<V extends WorkerVerb>(verb: V, argument: WorkerVerbs[V]["argument"]): void {
    this.ask(verb, argument).catch((error: unknown) => {
      if (this.#child.exitCode === null && this.#child.signalCode === null) throw error;
    });
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === "acknowledged") {
      this.acknowledged.push({ number: message.number, count: message.count });
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === "answer") waiting?.resolve(message.value);
    else waiting?.reject(Object.assign(new Error(message.message), { code: message.code }));
  }
}
