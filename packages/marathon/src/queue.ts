import { appPath } from "./app-path.js";
import type { CallOptions, Send, SendRaw } from "./call.js";
import { type QueueItem, queueSchema } from "./schemas.js";

/** The launch queue: the best source for why something does not start. Semantics: QueueResource.scala. */
export interface QueueApi {
  list(options?: CallOptions & { readonly lastUnusedOffers?: boolean }): Promise<readonly QueueItem[]>;
  /** Lets an app start at once that waits because it failed before. @throws `NOT_FOUND`: nothing of it waits. */
  resetDelay(app: string, options?: CallOptions): Promise<void>;
}

export function createQueueApi(send: Send, sendRaw: SendRaw): QueueApi {
  return {
    async list(options = {}) {
      const query = options.lastUnusedOffers === true ? [["embed", "lastUnusedOffers"] as const] : [];
      const request = { method: "GET", path: "/v2/queue", query, effect: "read", what: "Reading the queue" } as const;
      return (await send(request, queueSchema, options)).queue;
    },
    async resetDelay(app, options) {
      // 204, although the RAML says 200; neither has a body.
      const path = `${appPath(app).replace("/v2/apps/", "/v2/queue/")}/delay`;
      await sendRaw({ method: "DELETE", path, effect: "write", what: `Resetting the delay of ${app}` }, options);
    },
  };
}
