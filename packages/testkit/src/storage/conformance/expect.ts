import { inspect, isDeepStrictEqual } from "node:util";
import { ERROR_CODES, errorCode, type STORAGE_ERROR_CODES } from "@holdfast/core";
import { CRASHED } from "./runner/protocol.js";

/** A promise of the contract that was not kept: what a case fails with. Anything else that is thrown is told as it is. */
export class Broken extends Error {
  override readonly name = "Broken";
}

export function demand(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Broken(otherwise);
}

export function demandEqual(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Broken(`${what}: ${show(actual)} instead of ${show(expected)}`);
}

export const show = (value: unknown) => inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY });

/** The call must fail, with one of these codes. Returns the code. */
export async function demandRefused(
  call: Promise<unknown>,
  codes: readonly (keyof typeof STORAGE_ERROR_CODES)[],
  what: string,
): Promise<string> {
  const code = await codeOf(call);
  if (code !== undefined && (codes as readonly string[]).includes(code)) return code;
  throw new Broken(
    `${what} ${code === undefined ? "was done" : `was answered with ${code}`}, not ${codes.join(" or ")}`,
  );
}

/** Code of the error that a call ends with; undefined when it succeeds. @throws what has no code of the closed set. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || !(code in ERROR_CODES)) throw error;
    return code;
  }
}

export const isCrash = (error: unknown) => errorCode(error) === CRASHED;
