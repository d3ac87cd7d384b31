import { type HttpServiceConfig, parseHttpService } from "@holdfast/core";
import { createHttpClient } from "@holdfast/effects";
import { type AppsApi, createAppsApi } from "./apps.js";
import { createSender } from "./call.js";
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
export function createMarathonClient(config: HttpServiceConfig): MarathonClient {
  const { timeoutMs, ...settings } = parseHttpService(config, "Marathon");
  const http = createHttpClient({ service: "Marathon", ...settings });
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
