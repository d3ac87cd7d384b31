import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { HelperVerbs } from "./protocol.js";

type Argument<V extends keyof HelperVerbs> = HelperVerbs[V]["argument"];
type Result<V extends keyof HelperVerbs> = HelperVerbs[V]["result"];

const OUTPUT_LENGTH_MAX = 8_192;
const LOCK_MS = 10_000;
/** What flock(1) is told to end with when another has the lock. */
const HELD = 75;

interface Application {
  readonly child: ChildProcess;
  output: string;
  ended: string | null;
}

/** Programs that live in the tree until it ends. */
export class Applications {
  readonly #applications = new Map<number, Application>();
  readonly #locks = new Map<number, ChildProcess>();
  readonly #onEnded: (application: number, how: string) => void;
  #next = 1;

  constructor(onEnded: (application: number, how: string) => void) {
    this.#onEnded = onEnded;
  }

  async start({ argv, env, cwd }: Argument<"start">): Promise<Result<"start">> {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    await once(child, "spawn");
    const id = this.#next++;
    const application: Application = { child, output: "", ended: null };
    this.#applications.set(id, application);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        application.output = (application.output + text).slice(-OUTPUT_LENGTH_MAX);
      });
    }
    child.on("exit", (code, signal) => {
      application.ended = signal ?? `exit code ${code}`;
      this.#onEnded(id, application.ended);
    });
    return { application: id, pid: child.pid ?? 0 };
  }

  async signal({ application, signal }: Argument<"signal">): Promise<null> {
    this.#get(application).child.kill(signal);
    return null;
  }

  async look({ application }: Argument<"look">): Promise<Result<"look">> {
    const { ended, output } = this.#get(application);
    return { ended, output };
  }

  async exec({ argv, input, timeoutMs }: Argument<"exec">): Promise<Result<"exec">> {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, { timeout: timeoutMs, killSignal: "SIGKILL" });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
      });
    }
    child.stdin.on("error", () => undefined); // its exit says whether it minded
    child.stdin.end(input ?? "");
    const [code] = (await once(child, "close")) as [number | null];
    return { exitCode: code ?? -1, ...output };
  }

  /** The lock belongs to a process of its own, which has it as long as its standard input is open. */
  async lock({ path }: Argument<"lock">): Promise<Result<"lock">> {
    const args = ["--nonblock", "--conflict-exit-code", String(HELD), path, "sh", "-c", "echo held; exec cat"];
    const child = spawn("flock", args, { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(child, "exit").then(([code]) => code as number | null);
    const taken = once(child.stdout, "data").then(() => "taken" as const);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<"hung">((resolve) => {
      timer = setTimeout(() => resolve("hung"), LOCK_MS);
    });
    const answer = await Promise.race([ended, taken, limit]).finally(() => clearTimeout(timer));
    if (answer === "taken") {
      const id = this.#next++;
      this.#locks.set(id, child);
      return id;
    }
    if (answer === HELD) return null;
    child.kill("SIGKILL");
    throw new Error(answer === "hung" ? `flock on ${path} did not return` : `flock on ${path} ended with ${answer}`);
  }

  async unlock({ lock }: Argument<"unlock">): Promise<null> {
    const child = this.#locks.get(lock);
    if (child === undefined) return null;
    this.#locks.delete(lock);
    const ended = once(child, "exit");
    child.stdin?.end();
    await ended;
    return null;
  }

  #get(application: number): Application {
    const found = this.#applications.get(application);
    if (found === undefined) throw new Error(`no application ${application} was started`);
    return found;
  }
}
