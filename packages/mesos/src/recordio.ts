import type { RecordParser } from "@holdfast/effects";

/** A state of a large cluster is some 100 MB; beyond this, it is no RecordIO stream. */
const RECORD_BYTES_MAX = 512 * 1024 * 1024;
const LENGTH_DIGITS_MAX = 20;
const [NEWLINE, ZERO, NINE] = [0x0a, 0x30, 0x39];

/**
 * Incremental parser for RecordIO: `<decimal length in bytes>\n<that many bytes>`, repeated, nothing in between. HTTP chunks
 * have nothing to do with records; bytes may be cut anywhere. Pure: equal bytes give equal records, however they are cut.
 * Source: the Mesos v1 API, "RecordIO response format".
 * @throws on bytes that are not this format, whatever stood before them in the same chunk; the connection is of no use then.
 */
export function createRecordIoParser(bytesMax = RECORD_BYTES_MAX): RecordParser<string> {
  let digits = "";
  let missing = 0;
  let parts: Uint8Array[] = [];

  return {
    push(chunk) {
      const records: string[] = [];
      let at = 0;
      while (at < chunk.length) {
        if (missing > 0) {
          const part = chunk.subarray(at, at + missing);
          // A copy: the one who gave us the chunk may use its memory again.
          parts.push(Uint8Array.from(part)); // not `slice`, which is a view when the chunk is a Buffer
          at += part.length;
          missing -= part.length;
          if (missing === 0) {
            records.push(Buffer.concat(parts).toString("utf8"));
            parts = [];
          }
          continue;
        }
        const byte = chunk[at] as number;
        at += 1;
        if (byte === NEWLINE) missing = lengthOf(digits, bytesMax);
        else if (byte < ZERO || byte > NINE || digits.length === LENGTH_DIGITS_MAX) throw malformed(digits);
        digits = byte === NEWLINE ? "" : digits + String.fromCharCode(byte);
      }
      return records;
    },
  };
}

function lengthOf(digits: string, bytesMax: number): number {
  const length = Number(digits);
  if (digits === "" || length === 0) throw malformed(digits);
  if (length > bytesMax) throw new Error(`a record of ${digits} bytes; at most ${bytesMax} are accepted`);
  return length;
}

function malformed(digits: string): Error {
  return new Error(`not RecordIO: a length was expected after ${JSON.stringify(digits)}`);
}
