import { type ChildProcessByStdio, spawn } from "node:child_process";
import { connect } from "node:net";
import type { Readable, Writable } from "node:stream";

/** Keys and values are made of these, so they need no quoting. */
const PLAIN = /^[A-Za-z0-9:._-]+$/;

/** A database's own command-line client as a persistent session: statements in, lines out. */
export class SqlClient {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: string[] = [];
  #unread = "";
  #errors = "";
  #ended: Error | undefined;
  #wake: () => void = () => undefined;
  #statements = 0;
  readonly #mark: (text: string) => string;

  /** @param mark - Makes the statement that prints a text as a line of its own. */
  constructor(argv: readonly [string, ...string[]], mark: (text: string) => string, signal: AbortSignal) {
    const [file, ...args] = argv;
    this.#mark = mark;
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-2_000);
    });
    // Writing to a client that has ended fails; its own last words say why.
    this.#child.stdin.on("error", () => this.#end("its input was closed"));
    this.#child.on("error", (error) => this.#end(error.message));
    this.#child.on("close", (code, by) => this.#end(`it ended with ${code ?? by}: ${this.#errors.trim()}`));
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  /** Runs a statement; resolves with the lines that it printed once the server has answered. */
  async run(statement: string): Promise<string[]> {
    this.#statements += 1;
    const mark = `holdfast-done-${this.#statements}`;
    if (this.#ended === undefined) this.#child.stdin.write(`${statement}\n${this.#mark(mark)}\n`);
    for (;;) {
      const end = this.#lines.indexOf(mark);
      if (end >= 0) return this.#lines.splice(0, end + 1).slice(0, -1);
      if (this.#ended !== undefined) throw this.#ended;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#child.kill("SIGKILL");
    this.#end("closed");
  }

  #read(chunk: Buffer): void {
    const lines = (this.#unread + chunk.toString()).split("\n");
    this.#unread = lines.pop() ?? "";
    for (const line of lines) this.#lines.push(line);
    this.#wake();
  }

  #end(why: string): void {
    this.#ended ??= new Error(`the database client failed: ${why}`);
    this.#wake();
  }
}

/** @throws Error for anything that would need quoting: it cannot come from the writer. */
export function quote(text: string): string {
  if (!PLAIN.test(text)) throw new Error(`not a plain word: ${JSON.stringify(text)}`);
  return `'${text}'`;
}

/** Asks the socket itself, which costs nothing, before a client process is started. @throws when nobody listens. */
export function requireListener(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, signal });
    socket.on("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}

/** Lines of `key|value`. */
export function parsePairs(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.map((line) => {
      const at = line.indexOf("|");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
