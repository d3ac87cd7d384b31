import { createFakeStoreServer } from "@holdfast/testkit";
import { storeContract } from "@holdfast/testkit/vitest";
import { breakIt, defects } from "./defects.js";

/* Not part of any project: run by broken-stores.contract.test.ts, which expects failures. */

for (const defect of defects) {
  storeContract(defect.name, {
    async start() {
      const server = createFakeStoreServer();
      return {
        createStore: () => breakIt(defect, server),
        processes: { unavailable: "in memory" },
        hang: { hang: async () => server.hang(), resume: async () => server.resume() },
        away: {
          async goAway() {
            server.outage = true;
          },
          async comeBack() {
            server.outage = false;
          },
        },
        removeRecord: { remove: async (path) => server.removeRecord(path) },
        ephemeralGoneWithinMs: 300,
        refusesFormerCreation: true,
        async stop() {
          // Nothing was started.
        },
      };
    },
  });
}
