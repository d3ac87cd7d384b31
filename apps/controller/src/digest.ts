import { createHash } from "node:crypto";
import { canonicalJson } from "@holdfast/core";

/** Equal values have equal digests, whatever the order of their keys. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 32);
}

/** What a person types to confirm a destroy: it names the service, and holds for this very plan only. */
export function confirmationToken(service: string, planHash: string): string {
  return `destroy-${service}-${planHash.slice(0, 8)}`;
}
