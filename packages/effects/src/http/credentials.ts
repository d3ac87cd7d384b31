import { HoldfastError, type HttpServiceSettings } from "@holdfast/core";
import { readSecret } from "../secret.js";

/** Read again for each request, so that they can be rotated in place. */
export type HttpCredentials = NonNullable<HttpServiceSettings["credentials"]>;

/**
 * The value of the Authorization header.
 * @throws what `readSecret` throws; `INVALID_SPEC` when the secret has not the form that its type needs.
 */
export async function authorization(credentials: HttpCredentials | undefined): Promise<string | undefined> {
  if (credentials === undefined) return undefined;
  const value = (await readSecret(credentials.secret)).reveal();
  const where = "file" in credentials.secret ? credentials.secret.file : credentials.secret.env;
  if (credentials.type === "basic") {
    if (!value.includes(":")) throw malformed(where, "user:password");
    return `Basic ${Buffer.from(value, "utf8").toString("base64")}`;
  }
  // Anything else is a line break or a second value: Node would refuse the header, and name neither file nor reason.
  if (!/^[\x21-\x7e]+$/.test(value)) throw malformed(where, "one token without spaces");
  return credentials.style === "dcos" ? `token=${value}` : `Bearer ${value}`;
}

function malformed(where: string, form: string): HoldfastError {
  return new HoldfastError("INVALID_SPEC", `The credentials in ${where} do not have the form they need.`, {
    hint: `Expected ${form}, and nothing else.`,
  });
}
