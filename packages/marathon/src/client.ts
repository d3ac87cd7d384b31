import { HoldfastError } from "@holdfast/core";
import { createHttpClient } from "@holdfast/effects";
import { type AppsApi, createAppsApi } from "./apps.js";
import { createSender, problemOf } from "./call.js";
import { type MarathonConfig, marathonConfigSchema } from "./config.js";
import { createDeploymentsApi, type DeploymentsApi } from "./deployments.js";
import { type EventItem, type EventsOptions, followEvents } from "./events/follow.js";
import { createQueueApi, type QueueApi } from "./queue.js";
import { createServerApi, type ServerApi } from "./server.js";
import { createTasksApi, type TasksApi } from "./tasks.js";

export interface MarathonClient extends ServerApi {
  readonly apps: AppsApi;
  readonly tasks: TasksApi;
  readonly deployments: DeploymentsApi;
  readonly queue: QueueApi;
  /** Follows the event stream until the signal aborts; throws nothing but its reason. */
  events(options: EventsOptions): AsyncGenerator<EventItem, void, void>;
}

/**
 * A client of one Marathon. Holds no connection open but those of `events`; nothing to close.
 * @throws `INVALID_SPEC`: the configuration cannot work. Nothing was contacted.
 */
export function createMarathonClient(config: MarathonConfig): MarathonClient {
  const parsed = marathonConfigSchema.safeParse(config);
  if (!parsed.success) {
    throw new HoldfastError("INVALID_SPEC", `Marathon is not configured right: ${problemOf(parsed.error)}.`, {
      hint: "Correct the fields named.",
    });
  }
  const { endpoints, credentials, timeoutMs } = parsed.data;
  const { caFile, certFile, keyFile } = parsed.data.tls ?? {};
  const tls = {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
  const http = createHttpClient({ service: "Marathon", endpoints, credentials, tls });
  const { send, sendRaw } = createSender(http, timeoutMs);
  return {
    ...createServerApi(send, sendRaw),
    apps: createAppsApi(send, sendRaw),
    tasks: createTasksApi(send),
    deployments: createDeploymentsApi(send, sendRaw),
    queue: createQueueApi(send, sendRaw),
    events: (options) => followEvents(http, options),
  };
}
