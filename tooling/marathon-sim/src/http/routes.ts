import { deleteDeployment, resetDelay } from "../core/api.js";
import { absoluteId } from "../core/app-parse.js";
import { shownDeployment } from "../core/deployments.js";
import type { Sim } from "../core/model.js";
import { Problem } from "../core/problem.js";
import { shownQueue } from "../core/views.js";
import { type Answer, accepted, empty, json, text } from "./answer.js";
import { appRoute, appsRoute, methodNotAllowed, tasksDeleteRoute, tasksRoute } from "./apps.js";
import { infoOf } from "./info.js";
import { type ApiRequest, appTarget, flag } from "./request.js";

/** What a member of the group needs to know of itself and the others. */
export interface MemberView {
  /** `host:port` of the leader. */
  readonly leader: string;
  readonly port: number;
  readonly abdicate: () => void;
}

/** Answers everything but `/v2/events`. Pure but for the state machine that it is handed. @throws Problem */
export function route(sim: Sim, request: ApiRequest, member: MemberView): Answer {
  const { method, query } = request;
  const path = request.path.replace(/(?<=.)\/+$/, "");
  if (path === "/ping") return only("GET", method, () => text(200, "pong"));
  if (path === "/v2/apps") return appsRoute(sim, request);
  if (path.startsWith("/v2/apps/")) return appRoute(sim, request, appTarget(path.slice("/v2/apps/".length)));
  if (path === "/v2/tasks") return only("GET", method, () => tasksRoute(sim, request));
  if (path === "/v2/tasks/delete") return only("POST", method, () => tasksDeleteRoute(sim, request));
  if (path === "/v2/deployments")
    return only("GET", method, () =>
      json(
        200,
        [...sim.deployments.values()].map((deployment) => shownDeployment(sim, deployment)),
      ),
    );
  const deploymentId = /^\/v2\/deployments\/([^/]+)$/.exec(path)?.[1];
  if (deploymentId !== undefined)
    return only("DELETE", method, () => {
      const result = deleteDeployment(sim, deploymentId, { force: flag(query, "force", false) });
      return result === null ? empty(202) : accepted(200, result);
    });
  if (path === "/v2/queue") return only("GET", method, () => json(200, shownQueue(sim)));
  const delayed = /^\/v2\/queue\/(.+)\/delay$/.exec(path)?.[1];
  if (delayed !== undefined)
    return only("DELETE", method, () => {
      resetDelay(sim, absoluteId(delayed));
      return empty(204);
    });
  if (path === "/v2/info") return only("GET", method, () => json(200, infoOf(sim, member)));
  if (path === "/v2/leader") {
    if (method === "GET") return json(200, { leader: member.leader });
    return only("DELETE", method, () => {
      member.abdicate();
      return json(200, { message: "Leadership abdicated" });
    });
  }
  // Facts 11: Marathon answers 500 to a path that it does not know.
  throw new Problem(500, { message: "URI not found" });
}

function only(allowed: string, method: string, answer: () => Answer): Answer {
  if (method !== allowed) throw methodNotAllowed(method);
  return answer();
}
