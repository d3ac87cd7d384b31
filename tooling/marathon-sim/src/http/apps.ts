import {
  announcePost,
  appOf,
  createApp,
  deleteApp,
  restartApp,
  type UpdateOptions,
  updateApp,
  updateApps,
} from "../core/api.js";
import { shownApp } from "../core/app-store.js";
import { type Killed, type KillOptions, killMany, killOfApp, killOne } from "../core/kill-tasks.js";
import type { Sim } from "../core/model.js";
import { noSuchApp, Problem } from "../core/problem.js";
import { type Embed, shownAppInfo, shownTask, tasksOfApp } from "../core/views.js";
import { type Answer, accepted, deploymentHeader, json, text } from "./answer.js";
import { labelSelector } from "./labels.js";
import { type ApiRequest, type AppTarget, flag, jsonBody } from "./request.js";

const ALL: Embed = { tasks: true, lastTaskFailure: true, readiness: false };

function embedOf(query: URLSearchParams): Embed {
  const names = new Set(query.getAll("embed").map((name) => name.replace(/^apps?\./, "")));
  const failures = names.has("failures");
  return {
    tasks: names.has("tasks") || failures,
    lastTaskFailure: names.has("lastTaskFailure") || failures,
    readiness: names.has("readiness"),
  };
}

/** `/v2/apps`. */
export function appsRoute(sim: Sim, request: ApiRequest): Answer {
  const { method, query } = request;
  switch (method) {
    case "GET": {
      const [id, cmd, label] = ["id", "cmd", "label"].map((name) => query.get(name));
      const selects = label == null ? () => true : labelSelector(label);
      const records = [...sim.apps.values()].filter(
        ({ app }) => app.id.includes(id ?? "") && (app.cmd ?? "").includes(cmd ?? "") && selects(app.labels),
      );
      return json(200, { apps: records.map((record) => shownAppInfo(sim, record, embedOf(query))) });
    }
    case "POST": {
      const result = createApp(sim, jsonBody(request));
      announcePost(sim, request.clientIp, request.uri, shownApp(result.app));
      const body = {
        ...shownApp(result.app),
        ...{ tasksStaged: 0, tasksRunning: 0, tasksHealthy: 0, tasksUnhealthy: 0 },
        deployments: [{ id: result.deployment.id }],
      };
      return json(201, body, deploymentHeader(result));
    }
    case "PUT":
    case "PATCH": {
      const bodies = jsonBody(request);
      if (!Array.isArray(bodies))
        throw new Problem(422, {
          message: "Invalid JSON",
          details: [{ path: "/", errors: ["error.expected.jsarray"] }],
        });
      return accepted(200, updateApps(sim, bodies, updateOptions(request)));
    }
    default:
      throw methodNotAllowed(method);
  }
}

const updateOptions = ({ method, query }: ApiRequest): UpdateOptions => ({
  force: flag(query, "force", false),
  partial: method === "PATCH" || flag(query, "partialUpdate", true),
  mayCreate: method === "PUT",
});

export const methodNotAllowed = (method: string) => new Problem(405, { message: `Method ${method} is not allowed` });

/** `/v2/apps/{id}` and below. */
export function appRoute(sim: Sim, request: ApiRequest, target: AppTarget): Answer {
  const { method, query } = request;
  const { id } = target;
  const force = (standard: boolean) => flag(query, "force", standard);
  switch (`${method} ${target.kind}`) {
    case "GET app": {
      const record = sim.apps.get(id);
      if (record === undefined) throw noSuchApp(id);
      return json(200, { app: shownAppInfo(sim, record, { ...ALL, readiness: embedOf(query).readiness }) });
    }
    case "PUT app":
    case "PATCH app": {
      const result = updateApp(sim, id, jsonBody(request), updateOptions(request));
      announcePost(sim, request.clientIp, request.uri, shownApp(appOf(sim, id)));
      return accepted(result.created ? 201 : 200, result);
    }
    case "DELETE app":
      // Facts 11: here alone `force` defaults to true.
      return accepted(200, deleteApp(sim, id, { force: force(true) }));
    case "POST restart":
      return accepted(200, restartApp(sim, id, { force: force(false) }));
    case "GET tasks":
      appOf(sim, id);
      return taskList(request, tasksOfApp(sim, id));
    case "DELETE tasks":
      return killed(sim, killOfApp(sim, id, query.get("host"), killOptions(query)));
    case "DELETE task":
      return killed(sim, killOne(sim, id, "taskId" in target ? target.taskId : "", killOptions(query)), true);
    case "GET versions":
      appOf(sim, id);
      return json(200, { versions: [...(sim.apps.get(id)?.versions.keys() ?? [])].reverse() });
    case "GET version": {
      const version = "version" in target ? target.version : "";
      const app = sim.apps.get(id)?.versions.get(version);
      if (app === undefined) throw new Problem(404, { message: `App '${id}' does not exist in version ${version}` });
      return json(200, shownApp(app));
    }
    default:
      throw methodNotAllowed(method);
  }
}

/** `GET /v2/tasks`. */
export function tasksRoute(sim: Sim, request: ApiRequest): Answer {
  const wanted = [...request.query.getAll("status"), ...request.query.getAll("status[]")];
  const names: Record<string, string> = { running: "TASK_RUNNING", staging: "TASK_STAGING" };
  const states = new Set(wanted.map((status) => names[status]));
  const tasks = [...sim.byApp.keys()].flatMap((appId) => tasksOfApp(sim, appId));
  return taskList(request, states.size === 0 ? tasks : tasks.filter(({ state }) => states.has(String(state))));
}

/** Facts 11: tasks come as text unless JSON is asked for. */
function taskList({ accept }: ApiRequest, tasks: readonly Record<string, unknown>[]): Answer {
  if (!accept.includes("text/plain")) return json(200, { tasks });
  const lines = tasks.map(({ appId, host, ports, servicePorts }) => {
    const name = String(appId).slice(1).replaceAll("/", "_");
    const hostPorts = ports as number[];
    const services = servicePorts as number[];
    if (services.length === 0) return `${name}\t \t${String(host)}\t`;
    return services.map((port, index) => `${name}\t${port}\t${String(host)}:${hostPorts[index] ?? 0}\t`).join("\n");
  });
  return text(200, `${lines.join("\n")}\n`);
}

/** `POST /v2/tasks/delete`. */
export function tasksDeleteRoute(sim: Sim, request: ApiRequest): Answer {
  const body = jsonBody(request);
  const ids = typeof body === "object" && body !== null && "ids" in body ? body.ids : undefined;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string"))
    throw new Problem(422, {
      message: "Invalid JSON",
      details: [{ path: "/ids", errors: [ids === undefined ? "error.path.missing" : "error.expected.jsarray"] }],
    });
  return killed(sim, killMany(sim, ids, killOptions(request.query)));
}

const killOptions = (query: URLSearchParams): KillOptions => ({
  scale: flag(query, "scale", false),
  wipe: flag(query, "wipe", false),
  force: flag(query, "force", false),
});

function killed(sim: Sim, { instances, accepted: result }: Killed, single = false): Answer {
  if (result !== null) return accepted(200, result);
  const tasks = instances.map((instance) => shownTask(sim, instance)).filter((task) => task !== undefined);
  return single ? json(200, { task: tasks[0] }) : json(200, { tasks });
}
