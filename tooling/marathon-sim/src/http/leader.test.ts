import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { COPY, SINGLE } from "../core/core.fixture.js";
import { startTestSim, type TestSim } from "../sim.fixture.js";

interface Stream {
  readonly status: number;
  readonly location: string | undefined;
  text(): string;
  events(): { eventType: string; [field: string]: unknown }[];
  closed(): boolean;
}

function stream(sim: TestSim, member = 0, query = ""): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(`/v2/events${query}`, sim.urls[member]),
      { headers: { accept: "text/event-stream" }, agent: false },
      (incoming) => {
        let text = "";
        let closed = false;
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
        });
        incoming.on("error", () => undefined); // Cut by the server: `closed` says so.
        incoming.on("close", () => {
          closed = true;
        });
        resolve({
          ...{ status: incoming.statusCode ?? 0, location: incoming.headers.location },
          ...{ text: () => text, closed: () => closed },
          events: () => [...text.matchAll(/^data: (.*)\r$/gm)].map(([, data]) => JSON.parse(data ?? "")),
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
    onTestFinished(() => {
      outgoing.destroy();
    });
  });
}

async function seen(what: () => boolean): Promise<void> {
  while (!what()) await pause(5);
}
const types = (events: Stream) => events.events().map(({ eventType }) => eventType);

describe("facts 12: leader and standbys", () => {
  test("12: a standby passes every request on; Via and X-Marathon-Leader show it", async () => {
    const sim = await startTestSim({ members: 2 });
    const { status, headers } = await sim.call("POST", "/v2/apps", COPY, { member: 1 });
    expect(status).toBe(201);
    expect(headers["x-marathon-leader"]).toBe(sim.urls[0]);
    expect(headers.via).toBe(`1.1 ${sim.urls[1]?.slice("http://".length)}`);
    expect(headers["marathon-deployment-id"]).toBeDefined();
    expect((await sim.call("GET", "/v2/apps/db")).headers).not.toHaveProperty("via");
  });

  test("12: the leader is named as host:port; DELETE makes it quit and another one leads", async () => {
    const sim = await startTestSim({ members: 2 });
    const host = (member: number) => sim.urls[member]?.slice("http://".length);
    expect((await sim.call("GET", "/v2/leader", undefined, { member: 1 })).data).toEqual({ leader: host(0) });
    expect((await sim.call("DELETE", "/v2/leader")).data).toEqual({ message: "Leadership abdicated" });
    await seen(() => sim.control.leader() === 1);
    expect((await sim.call("GET", "/v2/leader")).data).toEqual({ leader: host(1) });
  });

  test("12: without a leader a request is held for a while, then 502; one that comes in time is answered", async () => {
    const sim = await startTestSim({ members: 2, timeScale: { flags: 0.1 } });
    sim.control.changeLeader(null);
    expect((await sim.call("GET", "/v2/apps")).status).toBe(502);
    const held = sim.call("GET", "/v2/apps");
    sim.control.changeLeader(1);
    expect((await held).status).toBe(200);
  });

  test("12 and 15.7: the event stream of a standby is a 302 to the leader", async () => {
    const sim = await startTestSim({ members: 2 });
    const { status, location } = await stream(sim, 1, "?event_type=status_update_event");
    expect([status, location]).toEqual([302, `${sim.urls[0]}/v2/events?event_type=status_update_event`]);
  });
});

describe("facts 13: the event stream", () => {
  test("13: without Accept: text/event-stream it is 405, as a page", async () => {
    const sim = await startTestSim();
    const { status, headers } = await sim.call("GET", "/v2/events");
    expect([status, headers["content-type"]]).toEqual([405, expect.stringContaining("text/html")]);
  });

  test("13 and 15.7: frames are CRLF separated, without ids, one line of JSON; a bare CRLF keeps it alive", async () => {
    const sim = await startTestSim({ timeScale: { flags: 0.001 } });
    const events = await stream(sim);
    await sim.call("POST", "/v2/apps", COPY);
    await seen(() => types(events).includes("deployment_success"));
    await seen(() => events.text().endsWith("\r\n\r\n\r\n"));
    const text = events.text();
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect(text).toMatch(/event: event_stream_attached\r\ndata: \{"remoteAddress":"127.0.0.1",.*\}\r\n\r\n/);
    expect(text).not.toContain("id: ");
    for (const event of events.events())
      expect(event).toMatchObject({ timestamp: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/) });
  });

  test("13: the events of one start, with their fields", async () => {
    const sim = await startTestSim();
    const events = await stream(sim);
    await sim.call("POST", "/v2/apps", SINGLE);
    await seen(() => types(events).includes("deployment_success"));
    const of = (type: string) => events.events().filter(({ eventType }) => eventType === type);
    expect(of("api_post_event")).toMatchObject([{ uri: "/v2/apps", appDefinition: { id: "/db" } }]);
    expect(of("group_change_success")).toHaveLength(1);
    expect(of("deployment_info")[0]).toMatchObject({
      plan: { steps: [{ actions: [{ action: "StartApplication", app: "/db" }] }, {}] },
      currentStep: { actions: [{ action: "StartApplication", app: "/db" }] },
    });
    expect(of("status_update_event").map(({ taskStatus }) => taskStatus)).toEqual(["TASK_STARTING", "TASK_RUNNING"]);
    expect(of("status_update_event")[0]).toMatchObject({
      ...{ slaveId: "agent-1", host: "agent-1", appId: "/db", ports: [] },
      ...{ message: expect.any(String), version: expect.any(String), ipAddresses: [] },
    });
    expect(of("instance_changed_event").map(({ condition }) => condition)).toEqual([
      ...["Scheduled", "Provisioned", "Starting", "Running"],
    ]);
    expect(of("deployment_success")[0]).toMatchObject({ id: expect.any(String), plan: {} });
  });

  test("13: event_type filters, repeated", async () => {
    const sim = await startTestSim();
    const events = await stream(sim, 0, "?event_type=deployment_info&event_type=deployment_success");
    await sim.call("POST", "/v2/apps", COPY);
    await seen(() => types(events).includes("deployment_success"));
    expect(new Set(types(events))).toEqual(new Set(["deployment_info", "deployment_success"]));
  });

  test("13 and 15.7: losing leadership closes all streams, and nothing is sent again after a reconnect", async () => {
    const sim = await startTestSim({ members: 2 });
    const first = await stream(sim);
    sim.control.changeLeader(1);
    await seen(first.closed);
    await sim.call("POST", "/v2/apps", COPY);
    await seen(() => sim.control.streams() === 0);
    while ((await sim.call("GET", "/v2/deployments")).data.length > 0) await pause(5);
    const second = await stream(sim, 1);
    await seen(() => types(second).length > 0);
    expect(types(second)).toEqual(["event_stream_attached"]);
  });

  test("13: streams that a test drops, silences or delays", async () => {
    const sim = await startTestSim({ timeScale: { flags: 0.001 } });
    const dropped = await stream(sim);
    sim.control.dropStreams();
    await seen(dropped.closed);
    const late = await stream(sim);
    await seen(() => types(late).includes("event_stream_attached"));
    sim.control.faults.eventDelayMs = 300;
    await sim.call("POST", "/v2/apps", COPY);
    while ((await sim.call("GET", "/v2/deployments")).data.length > 0) await pause(5);
    expect(types(late)).not.toContain("deployment_success");
    await seen(() => types(late).includes("deployment_success"));
    sim.control.faults.eventsSilent = true;
    const before = types(late).length;
    sim.control.faults.eventDelayMs = 0;
    await sim.call("PUT", "/v2/apps/db", { instances: 0 });
    while ((await sim.call("GET", "/v2/deployments")).data.length > 0) await pause(5);
    expect([types(late).length, late.closed()]).toEqual([before, false]);
  });
});
