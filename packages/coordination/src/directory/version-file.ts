import { createHash } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import { incarnationOf } from "./names.js";
import { isOwner, type Owner } from "./owner.js";

/** One version of a record, as its file holds it: a line of JSON, then the payload. */
export interface Version {
  /** `tombstone`: the record was deleted; it keeps the numbering for a later creation. */
  readonly kind: "record" | "tombstone";
  readonly number: number;
  readonly created: string;
  /** Drawn for one write attempt; tells this file from any other that could bear its name. */
  readonly nonce: string;
  /** Nonce of the version before; null only for the first of an incarnation. */
  readonly previous: string | null;
  /** The process whose end makes the record vanish; null = persistent. */
  readonly owner: Owner | null;
  readonly data: Uint8Array;
}

/** A header is far below this; what is longer is not one. */
export const HEADER_BYTES_MAX = 4_096;
const FORMAT = 1;

export function encodeVersion(version: Version): Uint8Array {
  const { data, ...fields } = version;
  const header = { v: FORMAT, ...fields, bytes: data.byteLength, sha256: sha256(data) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), data]);
}

/**
 * @param file - For the message.
 * @throws `RECORD_INVALID`: damaged, edited by hand, or written by a newer format. A file appears complete or not at
 *   all, so an interrupted write is never the reason.
 */
export function decodeVersion(content: Uint8Array, incarnation: string, number: number, file: string): Version {
  const newline = content.indexOf(0x0a);
  const header = decodeHeader(newline < 0 ? content : content.subarray(0, newline), file);
  const data = newline < 0 ? new Uint8Array() : content.subarray(newline + 1);
  if (header.number !== number) throw invalid(file, `it says that it is version ${header.number}`);
  if (incarnationOf(header.created) !== incarnation)
    throw invalid(file, "it belongs to another creation of the record");
  if ((header.previous === null) !== (number === 0)) {
    throw invalid(file, "it does not say which version it followed");
  }
  if (data.byteLength !== header.bytes)
    throw invalid(file, `it holds ${data.byteLength} bytes instead of ${header.bytes}`);
  if (sha256(data) !== header.sha256) throw invalid(file, "its checksum is wrong");
  const { kind, created, nonce, previous, owner } = header;
  return { kind, number, created, nonce, previous, owner, data };
}

/** The nonce alone, from the beginning of a file; undefined when it cannot be told. */
export function decodeNonce(beginning: Uint8Array): string | undefined {
  const newline = beginning.indexOf(0x0a);
  const nonce = newline < 0 ? undefined : parseJson(beginning.subarray(0, newline))?.nonce;
  return typeof nonce === "string" ? nonce : undefined;
}

type Header = Omit<Version, "data"> & { readonly bytes: number; readonly sha256: string };

function decodeHeader(line: Uint8Array, file: string): Header {
  const fields = parseJson(line);
  if (fields === undefined) throw invalid(file, "its first line is not a header");
  const { v, kind, number, created, nonce, previous, owner, bytes, sha256: checksum } = fields;
  if (v !== FORMAT) throw invalid(file, `its format is ${String(v)}, this program reads ${FORMAT}`);
  if (
    (kind !== "record" && kind !== "tombstone") ||
    typeof number !== "number" ||
    typeof created !== "string" ||
    typeof nonce !== "string" ||
    !(previous === null || typeof previous === "string") ||
    !(owner === null || isOwner(owner)) ||
    typeof bytes !== "number" ||
    typeof checksum !== "string"
  ) {
    throw invalid(file, "its header is incomplete");
  }
  return { kind, number, created, nonce, previous, owner, bytes, sha256: checksum };
}

function parseJson(line: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(line).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function invalid(file: string, why: string): HoldfastError {
  return new HoldfastError("RECORD_INVALID", `${file} cannot be read: ${why}.`, {
    hint: "Nothing was changed. Look at the directory; a backup or a newer program may know more.",
    detail: { file },
  });
}

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
