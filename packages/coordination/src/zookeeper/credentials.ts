import { readFile } from "node:fs/promises";
import { HoldfastError, hasCode, type Secret } from "@holdfast/core";
import { readSecret } from "@holdfast/effects";
import type { ZooKeeperTlsOptions } from "./options.js";

/** What a TLS connection is made with; the key is only ever handed to node:tls. */
export interface TlsMaterial {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly serverName: string | undefined;
}

/**
 * Reads `user:password`.
 * @throws `BAD_CONFIGURATION`; `DENIED` when everybody may read the file.
 */
export async function readDigestCredential(file: string): Promise<Secret> {
  let secret: Secret;
  try {
    secret = await readSecret({ file });
  } catch (error) {
    if (error instanceof HoldfastError && hasCode(error, "NOT_FOUND", "INVALID_SPEC")) {
      throw new HoldfastError("BAD_CONFIGURATION", error.message, { hint: error.hint, cause: error });
    }
    throw error;
  }
  if (!/^[^:]+:.+$/.test(secret.reveal())) {
    throw new HoldfastError("BAD_CONFIGURATION", `The authentication file ${file} does not hold user:password.`, {
      hint: "One line: the user of the digest scheme, a colon, the password.",
    });
  }
  return secret;
}

/** @throws `BAD_CONFIGURATION` naming the file that cannot be read or does not fit. */
export async function readTlsMaterial(options: ZooKeeperTlsOptions): Promise<TlsMaterial> {
  const { caFile, certFile, keyFile, serverName } = options;
  if ((certFile === null) !== (keyFile === null)) {
    throw new HoldfastError("BAD_CONFIGURATION", "A TLS client certificate needs both its certificate and its key.", {
      hint: "Give --store-cert and --store-key together, or neither.",
    });
  }
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map((file) => readPem(file)));
  return { ca, cert, key, serverName: serverName ?? undefined };
}

async function readPem(file: string | null): Promise<Buffer | undefined> {
  if (file === null) return undefined;
  try {
    const content = await readFile(file);
    if (content.includes("-----BEGIN ")) return content;
  } catch (error) {
    throw new HoldfastError("BAD_CONFIGURATION", `The TLS file ${file} cannot be read.`, {
      hint: "Check the path and that this user may read it.",
      cause: error,
    });
  }
  throw new HoldfastError("BAD_CONFIGURATION", `The TLS file ${file} is not in PEM format.`, {
    hint: "openssl x509 -inform der -outform pem converts a certificate.",
  });
}
