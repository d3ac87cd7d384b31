import { mkdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { StoreProvider } from "./store.js";

/**
 * The store on a local directory. Every agent reaches it through a symbolic link of its own; when that dangles, the
 * store is gone for this agent and nobody else, as a mount that vanished.
 */
export const directoryStore: StoreProvider = {
  kind: "directory",
  async open({ directory }) {
    const root = join(directory, "store");
    mkdirSync(root, { recursive: true });
    return {
      kind: "directory",
      async access(agent) {
        const link = join(directory, `store-${agent}`);
        symlinkSync(root, link);
        const point = async (target: string) => {
          symlinkSync(target, `${link}.new`);
          renameSync(`${link}.new`, link);
        };
        return {
          url: `dir://${link}`,
          enter: [],
          cut: () => point(join(directory, "nowhere")),
          unplug: undefined,
          heal: () => point(root),
          observe: () =>
            statSync(link, { throwIfNoEntry: false }) === undefined ? "stat of the store: ENOENT" : "store there",
        };
      },
      async deleteLease(service) {
        const gone = join(directory, "deleted");
        renameSync(join(root, "services", service, "lease.rec"), gone);
        rmSync(gone, { recursive: true });
      },
      async empty() {
        // In one step, so that nobody ever sees half of it gone.
        const gone = join(directory, "emptied");
        renameSync(join(root, "services"), gone);
        rmSync(gone, { recursive: true });
      },
      close: async () => undefined,
    };
  },
};
