import type { RequestListener, ServerResponse } from "node:http";
import type { Op } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import { type App, createMarathonClient } from "@holdfast/marathon";
import { createFakeOp, createLoopback, type FakeOp } from "@holdfast/testkit";
import { onTestFinished } from "vitest";
import type { Announcement, MarathonOrchestrator, MarathonOrchestratorOptions } from "./effects/interface.js";
import { createMarathonOrchestrator } from "./effects/orchestrator.js";
import { makeOptions, makeService } from "./service.fixture.js";
import { makeApp } from "./view.fixture.js";

export const ANYWHERE = { kind: "any" } as const;

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape
  readonly body: any;
}

/** A Marathon as small as a test needs it: it stores what it is sent, and nothing runs. */
export interface SmallMarathon {
  readonly orchestrator: MarathonOrchestrator;
  readonly op: Op & Pick<FakeOp, "logger">;
  readonly seen: readonly Seen[];
  readonly apps: Map<string, App>;
  /** Deployments that are listed; each change adds one, unless {@link quick}. */
  readonly deployments: { id: string; affectedApps: string[] }[];
  /** Deployments end before anybody can see them. Default true. */
  quick: boolean;
  queue: unknown[];
  /** Answers instead; `undefined`: the ordinary answer. `"lost"`: applied, and the connection dies. */
  intercept: (seen: Seen, response: ServerResponse) => "done" | "lost" | undefined;
  /** After each change, before it is answered. */
  onChange: () => void;
  changes(): readonly Seen[];
}

export async function startSmallMarathon(
  options: Partial<MarathonOrchestratorOptions> = {},
  abort: AbortController = new AbortController(),
): Promise<SmallMarathon> {
  const loopback = createLoopback();
  onTestFinished(() => loopback.close());
  const seen: Seen[] = [];
  const url = await loopback.http(listener(() => small, seen));
  const marathon = createMarathonClient({ endpoints: [url], timeoutMs: 5_000 });
  const fast = { settleMs: 300, pollMs: 20, deploymentWaitMs: 200 };
  const small: SmallMarathon = {
    orchestrator: createMarathonOrchestrator({ ...makeOptions(), marathon, ...fast, ...options }),
    op: { ...createFakeOp({ signal: abort.signal }), clock: systemClock },
    seen,
    apps: new Map(),
    deployments: [],
    quick: true,
    queue: [],
    intercept: () => undefined,
    onChange: () => undefined,
    changes: () => seen.filter(({ method }) => method !== "GET"),
  };
  return small;
}

/** One with what it was told, what it compiles and its calls at hand. */
export async function startOrchestrator(options: Partial<MarathonOrchestratorOptions> = {}) {
  const told: Announcement[] = [];
  const small = await startSmallMarathon({ onApply: (announcement) => void told.push(announcement), ...options });
  const compiled = small.orchestrator.compile(makeService(), ANYWHERE);
  return { small, told, compiled, ...small.orchestrator, op: small.op };
}

/** The app as `compiled` has it, running. */
export function running(
  compiled: { readonly definition: Readonly<Record<string, unknown>> },
  change: Partial<App> = {},
): App {
  return makeApp({ ...compiled.definition, ...change });
}

export function json(response: ServerResponse, status: number, body: unknown): "done" {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  return "done";
}

function listener(small: () => SmallMarathon, seen: Seen[]): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://server");
      const text = Buffer.concat(chunks).toString();
      const { method = "" } = request;
      const entry: Seen = {
        method,
        path: pathname,
        query: searchParams,
        body: text === "" ? undefined : JSON.parse(text),
      };
      seen.push(entry);
      const what = small().intercept(entry, response);
      if (what === "done") return;
      const [status, body] = answer(small(), entry);
      if (what === "lost") request.socket.destroy();
      else json(response, status, body);
    });
  };
}

const RESULT = { version: "2026-01-02T03:04:06.000Z", deploymentId: "d-result" };

function answer(small: SmallMarathon, { method, path, query, body }: Seen): [number, unknown] {
  const id = path.replace("/v2/apps", "");
  const { apps, deployments } = small;
  switch (`${method} ${path.split("/").slice(0, 3).join("/")}`) {
    case "GET /v2/queue":
      return [200, { queue: small.queue }];
    case "GET /v2/deployments":
      return [200, deployments.map((deployment) => ({ version: "v", currentStep: 1, totalSteps: 1, ...deployment }))];
    case "POST /v2/tasks":
      for (const app of apps.values()) app.tasks = app.tasks?.filter((task) => !body.ids.includes(task.id));
      small.onChange();
      return [200, { tasks: [] }];
    case "GET /v2/apps": {
      if (path.endsWith("/tasks")) return [200, { tasks: apps.get(id.replace("/tasks", ""))?.tasks ?? [] }];
      const all = [...apps.values()].map((app) => withDeployments(small, app));
      if (id === "") return [200, { apps: all.filter(({ labels }) => (query.get("label") ?? "") in (labels ?? {})) }];
      const app = all.find((candidate) => candidate.id === id);
      return app === undefined ? [404, { message: `App '${id}' does not exist` }] : [200, { app }];
    }
    case "POST /v2/apps":
      store(small, body.id, body);
      return [201, withDeployments(small, apps.get(body.id) as App)];
    case "PUT /v2/apps":
      store(small, id, { ...body, tasks: apps.get(id)?.tasks });
      return [200, RESULT];
    case "PATCH /v2/apps":
      store(small, id, { ...apps.get(id), ...body });
      return [200, RESULT];
    default:
      return [500, { message: "URI not found" }];
  }
}

let counter = 0;

function store(small: SmallMarathon, id: string, app: Partial<App>): void {
  counter += 1;
  small.apps.set(id, { instances: 1, tasks: [], ...app, id, version: `2026-01-02T03:04:05.${counter}Z` });
  if (!small.quick) small.deployments.push({ id: `d-${counter}`, affectedApps: [id] });
  small.onChange();
}

function withDeployments({ deployments }: SmallMarathon, app: App): App {
  return {
    ...app,
    deployments: deployments.filter(({ affectedApps }) => affectedApps.includes(app.id)).map(({ id }) => ({ id })),
  };
}
