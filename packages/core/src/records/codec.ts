import * as z from "zod";
import { HoldfastError } from "../errors.js";

/**
 * What every stored record shares: UTF-8 JSON with a major version `v`. A reader keeps fields it does not
 * know (an older program must not erase what a newer one wrote) and refuses a major it does not know.
 */
export interface RecordFormat<T> {
  readonly name: string;
  readonly major: number;
  parse(data: Uint8Array): T;
  serialize(record: T): Uint8Array;
}

/** Per service the store holds at most this much in one record (ARCHITECTURE: the store is no database). */
export const RECORD_BYTES_MAX = 32 * 1024;

const envelopeSchema = z.looseObject({ v: z.int() });

/**
 * @throws `RECORD_INVALID` from `parse`: damaged, or written by a newer major. Stop; do not overwrite it.
 * @throws `RECORD_TOO_LARGE` from `serialize`.
 */
export function recordFormat<S extends z.ZodType>(name: string, major: number, schema: S): RecordFormat<z.output<S>> {
  return {
    name,
    major,
    parse(data) {
      let json: unknown;
      try {
        json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
      } catch (cause) {
        throw invalid(name, "it is not JSON", cause);
      }
      const envelope = envelopeSchema.safeParse(json);
      if (!envelope.success) throw invalid(name, "it carries no version", envelope.error);
      if (envelope.data.v !== major)
        throw invalid(name, `its version is ${envelope.data.v}, this program reads ${major}`);
      const record = schema.safeParse(json);
      if (!record.success) throw invalid(name, z.prettifyError(record.error).replaceAll("\n", "; "), record.error);
      return record.data;
    },
    serialize(record) {
      const data = new TextEncoder().encode(JSON.stringify(z.encode(schema, record)));
      if (data.byteLength > RECORD_BYTES_MAX) {
        throw new HoldfastError("RECORD_TOO_LARGE", `The ${name} record has ${data.byteLength} bytes.`, {
          hint: `A record holds at most ${RECORD_BYTES_MAX} bytes.`,
          detail: { bytes: data.byteLength },
        });
      }
      return data;
    },
  };
}

function invalid(name: string, why: string, cause?: unknown): HoldfastError {
  return new HoldfastError("RECORD_INVALID", `The ${name} record cannot be read: ${why}.`, {
    hint: "Nothing was changed. Use the version of Holdfast that wrote it, or look at it with `holdfast lock status --json`.",
    cause,
  });
}
