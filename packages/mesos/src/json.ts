/**
 * `JSON.parse` for protobuf's 64-bit integers: Mesos writes times in nanoseconds, beyond 2^53, where a double loses the
 * last digits. Such an integer becomes a string of its digits, which is how protobuf's own JSON form writes it.
 * @throws {SyntaxError} as `JSON.parse`.
 */
export function parseMesosJson(text: string): unknown {
  // Nearly every answer is without one, and then nothing is copied.
  return JSON.parse(LONG_DIGITS.test(text) ? text.replace(TOKENS, quoteUnsafe) : text);
}

const LONG_DIGITS = /\d{16}/;
/** Strings as a whole, so that digits inside of them are left alone, and numbers. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function quoteUnsafe(token: string): string {
  return /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token;
}
