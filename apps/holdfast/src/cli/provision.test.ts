import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { registerProvision } from "./provision.js";

let loopback: Loopback;
let directory: string;
let printed: string[];
beforeEach(() => {
  loopback = createLoopback();
  directory = mkdtempSync(join(tmpdir(), "holdfast-provision-"));
  printed = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
});
afterEach(async () => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
  await loopback.close();
});

function provision(storage: object, ...flags: string[]): Promise<Command> {
  const file = join(directory, "service.yaml");
  const service = {
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: "orders-db" },
    spec: {
      engine: { type: "process", command: ["true"] },
      storage: [{ mountPath: "/srv/db", diskMiB: 512, ...storage }],
      resources: { cpus: 1, memMiB: 64 },
    },
  };
  writeFileSync(file, JSON.stringify(service));
  const program = new Command();
  registerProvision(program);
  return program.parseAsync(["provision", "-f", file, ...flags], { from: "user" });
}

test("reserves and makes the volume that the service file describes", async () => {
  const calls: string[] = [];
  const total: unknown[] = [{ name: "disk", type: "SCALAR", scalar: { value: 4_096 }, role: "*" }];
  const agent = { agent_info: { id: { value: "S0" }, hostname: "node-1" }, active: true, total_resources: total };
  const mesos = await loopback.http(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call = JSON.parse(Buffer.concat(chunks).toString()) as {
      type: string;
      reserve_resources?: { resources: unknown[] };
      create_volumes?: { volumes: unknown[] };
    };
    if (call.type === "GET_AGENTS") {
      const answer = JSON.stringify({ type: "GET_AGENTS", get_agents: { agents: [agent] } });
      response.writeHead(200, { "Content-Type": "application/json" }).end(answer);
      return;
    }
    calls.push(call.type);
    total.push(...(call.reserve_resources?.resources ?? call.create_volumes?.volumes ?? []));
    response.writeHead(202).end();
  });
  const options = {
    ...{ through: "mesos", agents: ["node-1"], mesosRole: "orders", principal: "ops", view: "sandbox" },
    api: { endpoints: [mesos] },
  };
  await provision({ strategy: "mesos-volume", options });
  await provision({ strategy: "mesos-volume", options }, "--json");
  expect(calls).toEqual(["RESERVE_RESOURCES", "CREATE_VOLUMES"]);
  expect(printed).toEqual([
    "The data volume of orders-db is there (mesos-volume).\n",
    expect.stringContaining('"provisioned": [\n    "data"\n  ]'),
  ]);
});

test.each([
  [{ strategy: "local-pin" }, "local-pin makes nothing"],
  [{ strategy: "mesos-volume" }, "mesos-volume makes nothing"],
])("%j is made elsewhere", async (storage, message) => {
  const run = provision(storage);
  await expect(run).rejects.toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining(message) });
});
