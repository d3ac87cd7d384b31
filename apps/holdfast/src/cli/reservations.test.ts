import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { registerReservations } from "./reservations.js";

// A master that answers with what was recorded of a real one, and forgets a volume and a reservation when it is told to.

interface Resource {
  disk?: { persistence?: object; volume?: object };
  reservations?: { type: string; labels?: object }[];
  reservation?: { labels?: object };
}

const FRAMEWORK = "3b5-removed-0000";
const recordings = fileURLToPath(new URL("../../../../packages/mesos/test/recorded/", import.meta.url));
const body = (name: string) =>
  (JSON.parse(readFileSync(`${recordings}operator-${name}.response.json`, "utf8")) as { body: Record<string, unknown> })
    .body;

let loopback: Loopback;
let printed: string[];
let calls: string[];
let mesos: string;

beforeEach(async () => {
  loopback = createLoopback();
  printed = [];
  calls = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  const agents = body("GET_AGENTS-after-teardown") as { get_agents: { agents: { total_resources: Resource[] }[] } };
  const [agent] = agents.get_agents.agents;
  if (agent === undefined) throw new Error("an agent was recorded");
  const labels = {
    labels: [
      { key: "marathon_framework_id", value: FRAMEWORK },
      { key: "marathon_task_id", value: "db.instance-1" },
    ],
  };
  const dynamic = ({ reservations = [] }: Resource) => reservations.at(-1)?.type === "DYNAMIC";
  for (const resource of agent.total_resources.filter(dynamic)) {
    for (const entry of [resource.reservation, resource.reservations?.at(-1)])
      if (entry !== undefined) entry.labels = labels;
  }
  const answers: Record<string, () => unknown> = {
    GET_AGENTS: () => agents,
    GET_FRAMEWORKS: () => body("GET_FRAMEWORKS-idle"),
    GET_ROLES: () => body("GET_ROLES-running"),
    GET_QUOTA: () => ({
      type: "GET_QUOTA",
      get_quota: { status: { configs: [{ role: "demo", limits: { disk: { value: 4_096 } } }] } },
    }),
  };
  const changes: Record<string, () => void> = {
    DESTROY_VOLUMES() {
      for (const resource of agent.total_resources) if (resource.disk?.persistence !== undefined) delete resource.disk;
    },
    UNRESERVE_RESOURCES() {
      agent.total_resources = agent.total_resources.filter((resource) => !dynamic(resource));
    },
  };
  mesos = await loopback.http(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { type } = JSON.parse(Buffer.concat(chunks).toString()) as { type: string };
    const answer = answers[type];
    if (answer !== undefined) {
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer()));
      return;
    }
    calls.push(type);
    changes[type]?.();
    response.writeHead(202).end();
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await loopback.close();
});

async function holdfast(...args: string[]): Promise<string> {
  const program = new Command();
  registerReservations(program);
  printed.length = 0;
  const [command = "", ...flags] = args;
  await program.parseAsync(["reservations", command, "--mesos", mesos, ...flags], { from: "user" });
  return printed.join("");
}

test("list says who has what, and what the roles may have", async () => {
  const text = await holdfast("list");
  expect(text).toContain("node-1  kept      demo  cpus 1, disk 512, mem 256");
  expect(text).toContain(`for Marathon ${FRAMEWORK}, db.instance-1, by demo-controller`);
  expect(text).toContain("volume vol-db-0, 512 MB");
  expect(text).toMatch(/role demo: .*; at most disk 4096/);
  const json = JSON.parse(await holdfast("list", "--json")) as { reservations: unknown[] };
  expect(json.reservations).toMatchObject([{ hostname: "node-1", state: "kept", volumes: [{ id: "vol-db-0" }] }]);
});

test("nothing is planned for a framework that is only not seen", async () => {
  expect(await holdfast("plan-clean")).toContain("nothing would be cleaned");
  expect(calls).toEqual([]);
});

test("a plan prints its token; only with it the volume is destroyed, and then there is nothing left", async () => {
  const gone = ["--gone-framework", FRAMEWORK];
  const plan = await holdfast("plan-clean", ...gone);
  expect(plan).toContain("DESTROYS volume vol-db-0 (512 MB) and its data");
  const token = /clean --token (\S+)/.exec(plan)?.[1] ?? "";
  await expect(holdfast("clean", ...gone, "--token", "clean-0")).rejects.toMatchObject({ code: "DENIED" });
  // The same token without the same flags confirms nothing either.
  await expect(holdfast("clean", "--token", token)).rejects.toMatchObject({ code: "DENIED" });
  expect(calls).toEqual([]);
  expect(await holdfast("clean", ...gone, "--token", token)).toContain("node-1: unreserved");
  expect(calls).toEqual(["DESTROY_VOLUMES", "UNRESERVE_RESOURCES"]);
  expect(await holdfast("plan-clean", ...gone)).toContain("nothing would be cleaned");
});

test("without a master it says how to name one", async () => {
  const program = new Command();
  registerReservations(program);
  vi.stubEnv("HOLDFAST_MESOS", "");
  const run = program.parseAsync(["reservations", "list"], { from: "user" });
  await expect(run).rejects.toMatchObject({ code: "USAGE", hint: expect.stringContaining("--mesos") });
  vi.unstubAllEnvs();
});
