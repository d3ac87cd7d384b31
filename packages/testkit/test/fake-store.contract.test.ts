import { createFakeStoreServer, type VersionCheck } from "@holdfast/testkit";
import { storeContract } from "@holdfast/testkit/vitest";

const inOneProcess = { unavailable: "a store in memory cannot be reached from another process" };

for (const versionCheck of ["strict", "by-number"] satisfies VersionCheck[]) {
  storeContract(`fake (${versionCheck})`, {
    async start() {
      const server = createFakeStoreServer({ versionCheck });
      return {
        createStore: () => server.connect(),
        processes: inOneProcess,
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
        ephemeralGoneWithinMs: 100,
        refusesFormerCreation: versionCheck === "strict",
        async stop() {
          // Nothing was started.
        },
      };
    },
  });
}
