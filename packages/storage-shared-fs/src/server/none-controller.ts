import { HoldfastError } from "@holdfast/core";
import type { ServerController } from "./controller.js";

/** No way to the server: the lease alone keeps two apart. */
export const noneController: ServerController = {
  observe: async () => ({ exists: true, attachments: [], fenced: [], detail: {} }),
  async attach() {
    // Every agent may mount it all the time.
  },
  async detach() {
    // As attach.
  },
  async fence(_op, _volume, former) {
    throw new HoldfastError("UNFENCEABLE", `Nothing here can cut agent ${former.agent} off from the file server.`, {
      hint: "Configure options.server (kernel, ganesha or hook), or make sure that the agent is off.",
      detail: { agent: former.agent },
    });
  },
  async unfence() {
    // Nobody was fenced.
  },
  inspect: async () => [],
  fenceCommands: () => [],
};
