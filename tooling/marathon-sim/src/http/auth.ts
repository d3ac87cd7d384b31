import { timingSafeEqual } from "node:crypto";

/** `--http_credentials user:password`. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export function isAllowed(authorization: string | undefined, { user, password }: Credentials): boolean {
  const given = Buffer.from(authorization ?? "");
  const wanted = Buffer.from(`Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
