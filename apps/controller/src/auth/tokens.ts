import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import { replaceFile } from "@holdfast/effects";
import * as z from "zod";

/** `view` reads, `operate` changes services and hands them over, `admin` also destroys, pauses all and reads the audit. */
export const ROLES = ["view", "operate", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Caller {
  readonly name: string;
  readonly role: Role;
}

export function hasRole({ role }: Caller, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

const tokensFileSchema = z.strictObject({
  v: z.literal(1),
  tokens: z.array(
    z.strictObject({
      name: z.string().min(1).max(100),
      role: z.enum(ROLES),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      created: z.iso.datetime(),
    }),
  ),
});
type TokensFile = z.output<typeof tokensFileSchema>;

const BYTES_MAX = 1024 * 1024;
const LOOK_EVERY_MS = 1_000;

/**
 * Bearer tokens from a file that holds only their hashes. A token is 256 random bits, so that one round of SHA-256 is as
 * good as a slow hash: there is nothing to guess. A change of the file counts within a second.
 */
export class Tokens {
  readonly #path: string;
  #file: TokensFile;
  #mtimeMs: number;
  #lookedAtMs = performance.now();

  private constructor(path: string, file: TokensFile, mtimeMs: number) {
    this.#path = path;
    this.#file = file;
    this.#mtimeMs = mtimeMs;
  }

  /** @throws `BAD_CONFIGURATION`: not there, not readable, others may write it, or not a tokens file. */
  static async open(path: string): Promise<Tokens> {
    const { file, mtimeMs } = await readTokens(path);
    if (file.tokens.length === 0) throw unusable(path, "there is no token in it");
    return new Tokens(path, file, mtimeMs);
  }

  /** Undefined = nobody with this token. @throws `BAD_CONFIGURATION` when the file was damaged meanwhile. */
  async find(token: string): Promise<Caller | undefined> {
    await this.#refresh();
    const hash = createHash("sha256").update(token).digest();
    let found: Caller | undefined;
    // Every entry is compared, whichever matches: how long it takes says nothing.
    for (const { name, role, sha256 } of this.#file.tokens) {
      if (timingSafeEqual(hash, Buffer.from(sha256, "hex"))) found = { name, role };
    }
    return found;
  }

  async #refresh(): Promise<void> {
    if (performance.now() - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = performance.now();
    const { mtimeMs } = await stat(this.#path).catch((error: unknown) => {
      throw unusable(this.#path, error instanceof Error ? error.message : String(error), error);
    });
    if (mtimeMs === this.#mtimeMs) return;
    const read = await readTokens(this.#path);
    this.#file = read.file;
    this.#mtimeMs = read.mtimeMs;
  }
}

/**
 * Adds a token, or takes the place of the one of that name, and writes only its hash.
 * @returns the token, which is written nowhere.
 */
export async function addToken(path: string, caller: Caller, created: string): Promise<string> {
  const token = `hf_${randomBytes(32).toString("base64url")}`;
  const sha256 = createHash("sha256").update(token).digest("hex");
  const before = await readTokens(path).catch((error: unknown) => {
    if (error instanceof HoldfastError && error.detail.missing === true) return { file: { v: 1 as const, tokens: [] } };
    throw error;
  });
  const others = before.file.tokens.filter(({ name }) => name !== caller.name);
  const file: TokensFile = { v: 1, tokens: [...others, { ...caller, sha256, created }] };
  await replaceFile(path, new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`), 0o600);
  return token;
}

async function readTokens(path: string): Promise<{ file: TokensFile; mtimeMs: number }> {
  let text: string;
  let mtimeMs: number;
  try {
    const status = await stat(path);
    if ((status.mode & 0o022) !== 0) throw unusable(path, "its group or others may write it");
    if (status.size > BYTES_MAX) throw unusable(path, `it has ${status.size} bytes`);
    mtimeMs = status.mtimeMs;
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw unusable(path, error instanceof Error ? error.message : String(error), error);
  }
  try {
    return { file: tokensFileSchema.parse(JSON.parse(text)), mtimeMs };
  } catch (error) {
    throw unusable(path, "it is not a tokens file", error);
  }
}

function unusable(path: string, why: string, cause?: unknown): HoldfastError {
  const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  return new HoldfastError("BAD_CONFIGURATION", `The tokens file ${path} cannot be used: ${why}.`, {
    hint: `holdfast controller token --tokens-file ${path} --name NAME --role ${ROLES.join("|")}`,
    detail: { missing },
    cause,
  });
}
