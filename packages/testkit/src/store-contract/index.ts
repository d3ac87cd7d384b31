import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { StoreContractOptions } from "./backend.js";
import { contentionTests } from "./contention.js";
import { hintTests } from "./hints.js";
import { outageTests } from "./outages.js";
import { recordTests } from "./records.js";
import { Suite } from "./suite.js";

const CONTENDED_VERSIONS = 3_000;
const KILLS = 20;

/**
 * What every coordination store must do, as tests: call it at the top level of a test file. What a backend cannot be
 * made to do is skipped with the backend's reason.
 */
export function storeContract(name: string, options: StoreContractOptions): void {
  describe(`store contract: ${name}`, () => {
    const suite = new Suite();
    beforeAll(async () => {
      suite.backend = await options.start();
    });
    afterEach(() => suite.endTest());
    afterAll(async () => {
      await suite.backend.stop();
    });
    describe("records", () => recordTests(suite));
    describe("contention", () =>
      contentionTests(suite, {
        versions: options.contendedVersions ?? CONTENDED_VERSIONS,
        kills: options.kills ?? KILLS,
      }));
    describe("hints", () => hintTests(suite));
    describe("outages", () => outageTests(suite));
  });
}

export type { StoreBackend, StoreContractOptions, StoreRecipe, Unavailable } from "./backend.js";
