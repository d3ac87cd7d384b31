import { createHash } from "node:crypto";
import { canonicalJson, HoldfastError, type Service } from "@holdfast/core";
import type { Delivery } from "./options.js";

export const SERVICE_FILE_NAME = "service.yaml";

/** Another content under the same path is another definition; otherwise it would wait for the next restart. */
export const DIGEST_VARIABLE = "HOLDFAST_SERVICE_DIGEST";

/** Of what a run takes from its service file, and of nothing else: a new alert threshold restarts no database. */
export function digestOf({ spec: { engine, storage, exclusivity, restore, plugins } }: Service): string {
  return createHash("sha256")
    .update(canonicalJson({ engine, storage, exclusivity, restore, plugins }))
    .digest("hex")
    .slice(0, 16);
}

/**
 * The address from which the service file is fetched; null when the agents have it.
 * @throws `BAD_CONFIGURATION`: it does not say which content it has, so that the fetch cache would serve an old one.
 */
export function serviceFileUri(delivery: Delivery, service: Service): string | null {
  if ("path" in delivery) return null;
  if (!delivery.uri.includes("{{digest}}")) {
    throw new HoldfastError("BAD_CONFIGURATION", "The service file's address has no {{digest}}.", {
      hint: "The fetch cache goes by the address: with the same one, a changed file would not be fetched.",
    });
  }
  return delivery.uri.replaceAll("{{service}}", service.metadata.name).replaceAll("{{digest}}", digestOf(service));
}
