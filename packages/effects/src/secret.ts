import { readFile, stat } from "node:fs/promises";
import { inspect } from "node:util";
import { HoldfastError, type Secret, type SecretReference } from "@holdfast/core";

const SECRET_BYTES_MAX = 64 * 1024;

/** A value that prints as `[secret]` everywhere but through `reveal`. */
export function makeSecret(value: string): Secret {
  const secret = {
    reveal: () => value,
    toString: () => "[secret]",
    toJSON: () => "[secret]",
    [inspect.custom]: () => "[secret]",
  };
  return Object.freeze(secret);
}

/**
 * Reads a secret from where its reference points; one trailing newline is dropped, as editors add it.
 * @throws `NOT_FOUND`, `DENIED` (unreadable, or readable by everybody), `INVALID_SPEC` (empty or too large).
 */
export async function readSecret(reference: SecretReference, env: NodeJS.ProcessEnv = process.env): Promise<Secret> {
  if ("env" in reference) {
    const value = env[reference.env];
    if (value === undefined || value === "") {
      throw new HoldfastError("NOT_FOUND", `The environment variable ${reference.env} is not set.`, {
        hint: "Set it for this process only.",
      });
    }
    return makeSecret(value);
  }
  const { file } = reference;
  try {
    const info = await stat(file);
    if ((info.mode & 0o007) !== 0) {
      throw new HoldfastError("DENIED", `The secret file ${file} can be read or written by everybody.`, {
        hint: `chmod 600 ${file}`,
      });
    }
    if (info.size > SECRET_BYTES_MAX || info.size === 0) {
      throw new HoldfastError("INVALID_SPEC", `The secret file ${file} has ${info.size} bytes.`, {
        hint: "It should hold one secret and nothing else.",
      });
    }
    return makeSecret((await readFile(file, "utf8")).replace(/\r?\n$/, ""));
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new HoldfastError(
      code === "ENOENT" ? "NOT_FOUND" : "DENIED",
      `The secret file ${file} cannot be read (${String(code)}).`,
      {
        hint: "Check the path and that this user may read it.",
        cause: error,
      },
    );
  }
}
