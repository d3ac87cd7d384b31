import { readFile } from "node:fs/promises";
import { HoldfastError, type HttpServiceSettings } from "@holdfast/core";

/** Files with PEM text, read again for each connection, so that certificates can be rotated in place. */
export type HttpTls = NonNullable<HttpServiceSettings["tls"]>;

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** @throws `INVALID_SPEC` when a file cannot be read. */
export async function readTls(tls: HttpTls | undefined): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([tls?.caFile, tls?.certFile, tls?.keyFile].map(read));
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

async function read(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new HoldfastError("INVALID_SPEC", `The certificate file ${file} cannot be read (${code}).`, {
      hint: "Check the path and that this user may read it.",
      cause: error,
    });
  }
}
