import type { IncomingMessage } from "node:http";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMesosClient, type MesosClient } from "./client.js";
import { names, request, response } from "./recorded.fixture.js";
import { reservedScalar } from "./resources/build.js";
import { resourceSchema } from "./resources/resource.js";

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

let loopback: Loopback;
let seen: Seen[];
beforeEach(() => {
  loopback = createLoopback();
  seen = [];
});
afterEach(() => loopback.close());

/** A master that answers everything with one recorded answer. */
function master(answer: { status: number; headers: Readonly<Record<string, string>>; wire: string }) {
  return loopback.http((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method, url, headers } = incoming;
      seen.push({ method, url, headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
      const { "Content-Length": _, ...rest } = answer.headers;
      outgoing.writeHead(answer.status, rest).end(answer.wire);
    });
  });
}

const replay = async (call: string) => createMesosClient({ endpoints: [await master(response(call))] });

const READS: Record<string, (mesos: MesosClient) => Promise<unknown>> = {
  GET_AGENTS: (mesos) => mesos.getAgents(),
  GET_HEALTH: (mesos) => mesos.getHealth(),
  GET_MASTER: (mesos) => mesos.getMaster(),
  GET_VERSION: (mesos) => mesos.getVersion(),
  GET_QUOTA: (mesos) => mesos.getQuota(),
  GET_ROLES: (mesos) => mesos.getRoles(),
  GET_TASKS: (mesos) => mesos.getTasks(),
  GET_FRAMEWORKS: (mesos) => mesos.getFrameworks(),
  GET_STATE: (mesos) => mesos.getState(),
};
const callOf = (name: string) => /^operator-([A-Z_]+)/.exec(name)?.[1] ?? "";
const recorded = (pattern: RegExp) => names(pattern).map((name) => name.replace(/\.(request|response)\.json$/, ""));

test.each(recorded(/^operator-GET_.*\.response\.json$/))("%s is read", async (name) => {
  const mesos = await replay(name);
  await expect(READS[callOf(name)]?.(mesos)).resolves.not.toBeUndefined();
  expect(seen).toMatchObject([
    {
      method: "POST",
      url: "/api/v1",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: request(name),
    },
  ]);
});

test("times are exact to the nanosecond, ids are strings, missing lists are empty", async () => {
  const { agents, recovered_agents } = await (await replay("operator-GET_AGENTS-after-create-volume")).getAgents();
  const node2 = agents.find(({ agent_info }) => agent_info.hostname === "node-2");
  expect(node2?.registered_time).toBe(1795366867961946880n);
  expect(node2?.agent_info.id).toMatch(/-S1$/);
  expect(node2?.allocated_resources).toEqual([]);
  expect(recovered_agents).toEqual([]);
});

test("agents that have not come back since the master started are told apart", async () => {
  const found = await (await replay("operator-GET_AGENTS-recovering-after-master-restart")).getAgents();
  expect(found.agents).toEqual([]);
  expect(found.recovered_agents.map(({ hostname }) => hostname).sort()).toEqual(["node-1", "node-2"]);
});

test("an unreachable task shows its last real state beside", async () => {
  const { unreachable_tasks } = await (await replay("operator-GET_TASKS-agent-unreachable")).getTasks();
  expect(unreachable_tasks).toMatchObject([
    { task_id: "db-0.1", state: "TASK_UNREACHABLE", status_update_state: "TASK_RUNNING" },
  ]);
});

test("roles and quota, set and not set", async () => {
  expect(await (await replay("operator-GET_ROLES-running")).getRoles()).toMatchObject([{ name: "demo", weight: 1 }]);
  expect(await (await replay("operator-GET_QUOTA")).getQuota()).toEqual({ configs: [], infos: [] });
  // Not recorded; the form is that of the published documentation of quota.
  const body = {
    type: "GET_QUOTA",
    get_quota: { status: { configs: [{ role: "dev", limits: { cpus: { value: 10 } } }] } },
  };
  const url = await master({ status: 200, headers: {}, wire: JSON.stringify(body) });
  expect(await createMesosClient({ endpoints: [url] }).getQuota()).toMatchObject({
    configs: [{ role: "dev", guarantees: {}, limits: { cpus: { value: 10 } } }],
  });
});

test("flags are a map", async () => {
  // Not recorded; the form is that of the published documentation of GET_FLAGS.
  const flags = [{ name: "acls", value: "" }, { name: "agent_ping_timeout", value: "15secs" }, { name: "bare" }];
  const url = await master({
    status: 200,
    headers: {},
    wire: JSON.stringify({ type: "GET_FLAGS", get_flags: { flags } }),
  });
  const client = createMesosClient({ endpoints: [url] });
  expect(await client.getFlags()).toEqual({ acls: "", agent_ping_timeout: "15secs", bare: "" });
  expect(seen[0]?.body).toEqual({ type: "GET_FLAGS" });
});

/** Makes the recorded call with what the recorded client sent. */
async function repeat(name: string, mesos: MesosClient): Promise<void> {
  const type = callOf(name);
  const members = (request(name)[type.toLowerCase()] ?? { agent_id: { value: "x" }, resources: [] }) as {
    agent_id: { value: string };
    resources?: unknown[];
    volumes?: unknown[];
    source?: unknown[];
  };
  const parse = (list: unknown[] = []) => list.map((resource) => resourceSchema.parse(resource));
  const agent = members.agent_id.value;
  if (type === "RESERVE_RESOURCES") {
    const source = members.source === undefined ? {} : { source: parse(members.source) };
    return mesos.reserve(agent, parse(members.resources), source);
  }
  if (type === "UNRESERVE_RESOURCES") return mesos.unreserve(agent, parse(members.resources));
  if (type === "CREATE_VOLUMES") return mesos.createVolumes(agent, parse(members.volumes));
  return mesos.destroyVolumes(agent, parse(members.volumes));
}

const CHANGES = recorded(/^operator-(RESERVE_|UNRESERVE_|CREATE_|DESTROY_).*\.response\.json$/);
const CODES: Record<number, string[]> = {
  202: ["accepted"],
  400: ["INVALID_SPEC"],
  403: ["DENIED"],
  409: ["NO_CAPACITY", "VERSION_CONFLICT"],
};

test.each(CHANGES)("%s goes out as it was recorded, and its answer is what it was", async (name) => {
  const mesos = await replay(name);
  const { status } = response(name);
  const outcome = await repeat(name, mesos).then(
    () => ({ code: "accepted", message: "" }),
    (error: { code: string; message: string }) => error,
  );
  expect(CODES[status]).toContain(outcome.code);
  // Some were refused before they were sent, as a real master refused them too.
  if (seen.length === 0) expect([status, outcome.code]).toEqual([400, "INVALID_SPEC"]);
  else expect(seen).toMatchObject([{ method: "POST", url: "/api/v1", body: request(name) }]);
});

test("409 means no room to reserve or create, and a changed world to unreserve", async () => {
  const codeOf = async (name: string) =>
    repeat(name, await replay(name)).catch((error: { code: string }) => error.code);
  expect(await codeOf("operator-RESERVE_RESOURCES-error-insufficient")).toBe("NO_CAPACITY");
  expect(await codeOf("operator-CREATE_VOLUMES-error-not-reserved")).toBe("NO_CAPACITY");
  expect(await codeOf("operator-UNRESERVE_RESOURCES-again")).toBe("VERSION_CONFLICT");
  expect(await codeOf("operator-UNRESERVE_RESOURCES-error-in-use")).toBe("VERSION_CONFLICT");
});

test.each([
  ["operator-error-unauthenticated", "DENIED"],
  ["operator-error-bad-password", "DENIED"],
  ["operator-error-bad-json", "INVALID_SPEC"],
  ["operator-error-unknown-type", "INVALID_SPEC"],
  ["operator-error-accept", "API_UNREADABLE"],
  ["operator-error-content-type", "API_UNREADABLE"],
  ["operator-error-method", "API_UNREADABLE"],
])("%s is one message with the master's words: %s", async (name, code) => {
  const mesos = await replay(name);
  await expect(mesos.getAgents()).rejects.toMatchObject({
    code,
    message: expect.stringContaining(response(name).wire.slice(0, 40)),
    hint: expect.any(String),
  });
});

const RESERVED = [
  reservedScalar({ name: "disk", value: 64, reservations: [{ type: "DYNAMIC", role: "web", principal: "ops" }] }),
];

test("503 is no leader for a read, and an unknown outcome for a change", async () => {
  const url = await master({ status: 503, headers: {}, wire: "No leader elected" });
  const mesos = createMesosClient({ endpoints: [url] });
  await expect(mesos.getAgents()).rejects.toMatchObject({ code: "API_UNREACHABLE", retryable: true });
  await expect(mesos.reserve("S0", RESERVED)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
});

test("an answer of another type or shape is one error", async () => {
  const other = await replay("operator-GET_HEALTH");
  await expect(other.getAgents()).rejects.toMatchObject({ code: "API_UNREADABLE" });
  const url = await master({ status: 200, headers: {}, wire: '{"type":"GET_AGENTS","get_agents":{"agents":[{}]}}' });
  const mesos = createMesosClient({ endpoints: [url] });
  await expect(mesos.getAgents()).rejects.toThrow("agents.0.agent_info");
  await expect(mesos.reserve("S0", RESERVED)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
});

test("a change whose answer is lost is unknown, and is not sent again", async () => {
  let requests = 0;
  const url = await loopback.raw((socket) =>
    socket.once("data", () => {
      requests += 1;
      socket.destroy();
    }),
  );
  const mesos = createMesosClient({ endpoints: [url, await master(response("operator-RESERVE_RESOURCES"))] });
  await expect(mesos.reserve("S0", RESERVED)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(requests).toBe(1);
  expect(seen).toEqual([]);
});

test("a master that accepts and never answers is given up within the bound", async () => {
  const url = await loopback.raw((socket) => socket.resume());
  const mesos = createMesosClient({ endpoints: [url] });
  const startedAtMs = performance.now();
  await expect(mesos.getAgents({ timeoutMs: 300 })).rejects.toMatchObject({ code: "API_UNREACHABLE" });
  expect(performance.now() - startedAtMs).toBeLessThan(1_500);
});

describe("a master that does not lead", () => {
  async function cluster(listed: boolean) {
    const leader = await master(response("operator-RESERVE_RESOURCES"));
    // Location as Mesos writes it: without a scheme.
    const standby = await loopback.http((incoming, outgoing) =>
      outgoing.writeHead(307, { location: `${leader.replace("http:", "")}${incoming.url}` }).end(),
    );
    const secret = { file: loopback.file("secret", "ops:secret") };
    const endpoints = listed ? [standby, leader] : [standby];
    return createMesosClient({ endpoints, credentials: { type: "basic", secret } });
  }

  test("leads to the one who does, with body and credentials", async () => {
    await (await cluster(true)).reserve("S0", RESERVED);
    expect(seen).toMatchObject([
      {
        method: "POST",
        url: "/api/v1",
        headers: { authorization: `Basic ${Buffer.from("ops:secret").toString("base64")}` },
        body: { type: "RESERVE_RESOURCES", reserve_resources: { agent_id: { value: "S0" }, resources: RESERVED } },
      },
    ]);
  });

  test("does not lead the credentials to an address that is not configured", async () => {
    await expect((await cluster(false)).reserve("S0", RESERVED)).rejects.toMatchObject({ code: "DENIED" });
    expect(seen).toEqual([]);
  });
});
