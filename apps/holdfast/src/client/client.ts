import { readFile, stat } from "node:fs/promises";
import { ERROR_CODES, type ErrorCode, HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import * as z from "zod";

/** How the controller is reached. */
export interface ControllerFlags {
  readonly controller?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export function withControllerFlags(command: Command): Command {
  return withControllerAccess(command).option("--json", "machine-readable output");
}

export function withControllerAccess(command: Command): Command {
  return command
    .option("--controller <url>", "the controller's API (default: $HOLDFAST_CONTROLLER)")
    .option("--token-file <file>", "file with the token for it (default: $HOLDFAST_TOKEN_FILE)");
}

/** The API that was named; undefined = none was. */
export function controllerUrl(flags: ControllerFlags): string | undefined {
  return flags.controller ?? process.env.HOLDFAST_CONTROLLER;
}

const TIMEOUT_MS = 40_000;
const TOKEN_BYTES_MAX = 1_024;

const errorBodySchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    retryable: z.boolean().default(false),
    detail: z.record(z.string(), z.unknown()).default({}),
  }),
});

/** The controller's API, as far as commands need it. */
export class ControllerClient {
  readonly #url: string;
  readonly #token: string | null;

  private constructor(url: string, token: string | null) {
    this.#url = url;
    this.#token = token;
  }

  /** @throws `USAGE` when no controller was named, or its address is none; `BAD_CONFIGURATION` for the token's file. */
  static async open(flags: ControllerFlags): Promise<ControllerClient> {
    const url = controllerUrl(flags);
    if (url === undefined) {
      throw new HoldfastError("USAGE", "No controller was given.", {
        hint: "Give --controller URL or set HOLDFAST_CONTROLLER.",
      });
    }
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new HoldfastError("USAGE", "The controller's address is no http or https URL.", {
        hint: "For example --controller http://127.0.0.1:8740",
      });
    }
    const tokenFile = flags.tokenFile ?? process.env.HOLDFAST_TOKEN_FILE;
    return new ControllerClient(url.replace(/\/$/, ""), tokenFile === undefined ? null : await readToken(tokenFile));
  }

  /** @throws what the controller refuses with, code and hint as it gave them; `STORE_UNREACHABLE` when it does not answer. */
  get<T>(path: string, answer: z.ZodType<T>): Promise<T> {
    return this.#ask("GET", path, undefined, answer);
  }

  /** @throws as `get`; `UNKNOWN_OUTCOME` when no answer came: look before it is asked again. */
  post<T>(path: string, body: unknown, answer: z.ZodType<T>): Promise<T> {
    return this.#ask("POST", path, body, answer);
  }

  /** @throws as `post`. */
  put<T>(path: string, body: unknown, answer: z.ZodType<T>): Promise<T> {
    return this.#ask("PUT", path, body, answer);
  }

  async #ask<T>(method: string, path: string, body: unknown, answer: z.ZodType<T>): Promise<T> {
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${this.#url}${path}`, {
        ...{ method, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) },
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw this.#noAnswer(method, error);
    }
    const json = parseJson(text);
    if (status >= 200 && status < 300) {
      const parsed = answer.safeParse(json);
      if (parsed.success) return parsed.data;
      throw this.#notOurs(`answered in another form: ${z.prettifyError(parsed.error)}`);
    }
    const refusal = errorBodySchema.safeParse(json);
    if (!refusal.success) throw this.#notOurs(`answered ${status} without a reason`);
    const { code, message, hint, retryable, detail } = refusal.data.error;
    const known = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "INTERNAL";
    throw new HoldfastError(known, message, { hint, retryable, detail });
  }

  #noAnswer(method: string, cause: unknown): HoldfastError {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    const read = method === "GET";
    return new HoldfastError(
      read ? "STORE_UNREACHABLE" : "UNKNOWN_OUTCOME",
      `The controller at ${this.#url} did not answer: ${reason}.`,
      {
        hint: read
          ? "Is it running, and is the address right? For a certificate of your own, set NODE_EXTRA_CA_CERTS."
          : "It may have been done all the same: look with `holdfast explain`, then ask again.",
        retryable: true,
        cause,
      },
    );
  }

  #notOurs(why: string): HoldfastError {
    return new HoldfastError("INCOMPATIBLE", `What is at ${this.#url} ${why}.`, {
      hint: "Is that a Holdfast controller, and of a version that goes with this program?",
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused by the schema that comes next, with a reason
  }
}

async function readToken(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    const token = size > TOKEN_BYTES_MAX ? "" : (await readFile(path, "utf8")).trim();
    if (/^\S+$/.test(token)) return token;
  } catch (cause) {
    throw new HoldfastError("BAD_CONFIGURATION", `The token's file ${path} cannot be read: ${String(cause)}.`, {
      hint: "It holds one token, as `holdfast controller token` printed it.",
      cause,
    });
  }
  throw new HoldfastError("BAD_CONFIGURATION", `${path} holds no token.`, {
    hint: "It holds one token, as `holdfast controller token` printed it, and nothing else.",
  });
}
