import { HoldfastError, type OrchestratorEvent } from "@holdfast/core";
import type { EventItem } from "@holdfast/marathon";
import { createFakeOp } from "@holdfast/testkit";
import { describe, expect, test } from "vitest";
import { startSmallMarathon } from "../server.fixture.js";
import { eventsOf, orchestratorEvents } from "./events.js";

const event = (fields: Record<string, unknown>) =>
  ({ kind: "event", event: { eventType: "status_update_event", ...fields } }) as const;

async function collect(items: readonly EventItem[]): Promise<OrchestratorEvent[]> {
  async function* stream() {
    yield* items;
  }
  const seen: OrchestratorEvent[] = [];
  for await (const one of orchestratorEvents(createFakeOp(), stream(), "/db")) seen.push(one);
  return seen;
}

describe("eventsOf", () => {
  test("a task of a service", () => {
    const received = event({ appId: "/db/orders", taskId: "t", taskStatus: "TASK_UNREACHABLE", slaveId: "s" });
    expect(eventsOf(received, "/db")).toEqual([
      {
        kind: "task",
        service: "orders",
        detail: { eventType: "status_update_event", taskId: "t", taskStatus: "TASK_UNREACHABLE", slaveId: "s" },
      },
    ]);
  });

  test("a deployment, once for each of its services; apps of others are left out", () => {
    const plan = {
      steps: [{ actions: [{ app: "/db/a" }, { app: "/db/b" }, { app: "/web/shop" }, { app: "/db/x/y" }] }],
    };
    const seen = eventsOf(event({ eventType: "deployment_success", id: "d", plan }), "/db");
    expect(seen.map(({ kind, service }) => [kind, service])).toEqual([
      ["deployment", "a"],
      ["deployment", "b"],
    ]);
  });

  test("what cannot be read, and what may concern any app: read everything", () => {
    expect(eventsOf({ kind: "unreadable", eventType: "status_update_event" }, "/db")).toMatchObject([
      { kind: "resync" },
    ]);
    expect(eventsOf(event({ eventType: "scheduler_reregistered_event" }), "/db")).toMatchObject([{ kind: "resync" }]);
    expect(eventsOf(event({ eventType: "event_stream_attached" }), "/db")).toEqual([]);
  });

  test("no definition and no environment is passed on", () => {
    const appDefinition = { env: { PASSWORD: "hunter2" } };
    const seen = eventsOf(event({ eventType: "api_post_event", appId: "/db/orders", appDefinition }), "/db");
    expect(JSON.stringify(seen)).not.toContain("hunter2");
  });
});

test("a gap is logged, and the resync that ends it passed on", async () => {
  const error = new HoldfastError("API_UNREACHABLE", "no answer", { hint: "wait" });
  const seen = await collect([
    { kind: "resync", why: "connected", endpoint: "http://a" },
    { kind: "down", error, retryInMs: 100 },
    { kind: "resync", why: "connected again", endpoint: "http://b" },
  ]);
  expect(seen).toEqual([
    { kind: "resync", service: null, detail: { why: "connected" } },
    { kind: "resync", service: null, detail: { why: "connected again" } },
  ]);
});

test("over a real connection: resync first, again after a break, and a quiet end with the signal", async () => {
  const abort = new AbortController();
  const small = await startSmallMarathon({ group: "/db" }, abort);
  let connections = 0;
  small.intercept = ({ path }, response) => {
    if (path !== "/v2/events") return undefined;
    connections += 1;
    response.writeHead(200, { "content-type": "text/event-stream" });
    const data = JSON.stringify({ eventType: "status_update_event", appId: "/db/orders", taskId: `t-${connections}` });
    response.write(`event: event_stream_attached\r\ndata: {"eventType":"event_stream_attached"}\r\n\r\n`);
    response.write(`event: status_update_event\r\ndata: ${data}\r\n\r\n`);
    // The first connection breaks; the second one stays.
    if (connections === 1) response.end();
    return "done";
  };
  const seen: string[] = [];
  for await (const { kind, detail } of small.orchestrator.events(small.op)) {
    seen.push(kind === "task" ? String(detail.taskId) : kind);
    if (seen.includes("t-2")) abort.abort(new Error("enough"));
  }
  expect(seen).toEqual(["resync", "t-1", "resync", "t-2"]);
});
