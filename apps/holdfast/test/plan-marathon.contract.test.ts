import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";

/** `holdfast plan` as an operator gives it, with a Marathon, a Mesos master and an agent that say their flags. */
const PROGRAM = fileURLToPath(new URL("../dist/holdfast.cjs", import.meta.url));

const SERVICE = `apiVersion: holdfast/v1
kind: Service
metadata: { name: orders-db }
spec:
  engine: { type: process, command: [redis-server] }
  storage:
    - strategy: shared-fs
      mountPath: /srv/orders-db
      options: { type: nfs4, source: "filer:/exports/orders-db", server: { kind: none } }
  resources: { cpus: 1, memMiB: 256, iops: { read: 100 } }
  discovery: { port: 31000 }
`;

let loopback: Loopback;
let file: string;
beforeEach(() => {
  loopback = createLoopback();
  file = loopback.file("orders-db.yaml", SERVICE);
});
afterEach(() => loopback.close());

function plan(...args: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const command = [PROGRAM, "plan", "-f", file, ...args];
    execFile(process.execPath, command, { timeout: 40_000, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
    });
  });
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** One that answers calls of the operator API; what it was asked with is kept. */
function mesos(answers: Readonly<Record<string, unknown>>, seen: IncomingMessage["headers"][]) {
  return (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request.headers);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { type } = JSON.parse(Buffer.concat(chunks).toString()) as { type: string };
      json(response, { type, [type.toLowerCase()]: answers[type] });
    });
  };
}

const flags = (pairs: Readonly<Record<string, string>>) => ({
  GET_FLAGS: { flags: Object.entries(pairs).map(([name, value]) => ({ name, value })) },
});

async function startCluster() {
  const asked = { master: [] as IncomingMessage["headers"][], agent: [] as IncomingMessage["headers"][] };
  const agentFlags = flags({ isolation: "cgroups/cpu,cgroups/mem,network/ports", cgroups_enable_cfs: "true" });
  const agent = new URL(await loopback.http(mesos(agentFlags, asked.agent)));
  const agentInfo = { hostname: agent.hostname, port: Number(agent.port), id: { value: "S0" } };
  const ports = { name: "ports", type: "RANGES", ranges: { range: [{ begin: 31_000, end: 32_000 }] } };
  const answers = {
    ...flags({ agent_ping_timeout: "20secs", max_agent_ping_timeouts: "3" }),
    GET_AGENTS: { agents: [{ agent_info: agentInfo, total_resources: [ports] }] },
    GET_FRAMEWORKS: { frameworks: [{ framework_info: { id: { value: "f-1" }, name: "marathon", principal: "ops" } }] },
  };
  const master = await loopback.http(mesos(answers, asked.master));
  const info = {
    name: "marathon",
    version: "1.10.26",
    frameworkId: "f-1",
    marathon_config: { reconciliation_interval: 60_000 },
  };
  const marathon = await loopback.http((_, response) => json(response, info));
  return { master, marathon, asked };
}

test("the budget and the isolation are those of the cluster's own flags; agents get no credentials", async () => {
  const { master, marathon, asked } = await startCluster();
  const auth = loopback.file("mesos-auth", "ops:secret");
  const answer = await plan("--marathon", marathon, "--mesos", master, "--mesos-auth-file", auth);
  expect(answer, answer.stderr).toMatchObject({ exitCode: 0 });
  const { stdout } = answer;
  expect(stdout).toContain("on Marathon: replace, 1 instance");
  expect(stdout).toContain("60 s  Mesos says unreachable (agent_ping_timeout 20000 ms x 3)");
  expect(stdout).toContain("60 s  the status that was missed is asked for (reconciliation_interval)");
  expect(stdout).toMatch(/cpus\s+1\s+limited/);
  expect(stdout).toMatch(/iops\s+100 reads\/s\s+in-vain/);
  expect(stdout).toContain("of 1 of 1 agents were read");
  expect(asked.master.every(({ authorization }) => authorization !== undefined)).toBe(true);
  expect(asked.agent.map(({ authorization }) => authorization)).toEqual([undefined]);
});

test("without addresses the defaults are taken, and that is said; without the flag nothing is", async () => {
  const defaults = await plan("--orchestrator", "marathon", "--json");
  expect(defaults, defaults.stderr).toMatchObject({ exitCode: 0 });
  const { marathon } = JSON.parse(defaults.stdout) as {
    marathon: { failover: object; sources: string[]; takeover: object[] };
  };
  expect(marathon.failover).toMatchObject({ kind: "replace" });
  expect(marathon.sources.join(" ")).toMatch(/Marathon was not asked.*Mesos was not asked.*not measured/);
  expect(marathon.takeover).toHaveLength(4);
  expect(JSON.parse((await plan("--json")).stdout)).toMatchObject({ marathon: null });
});

test("a Marathon that is not there, wrong credentials, and flags that miss another: one message, one hint, one code", async () => {
  const nobody = await plan("--marathon", await loopback.nobody());
  expect(nobody).toMatchObject({ exitCode: 69, stdout: "", stderr: expect.stringContaining("code: API_UNREACHABLE") });
  const shut = await loopback.http((_, response) =>
    response.writeHead(401, { "content-type": "text/html" }).end("<html><title>Error 401 Unauthorized</title></html>"),
  );
  expect((await plan("--marathon", shut)).stderr).toMatch(/hint: .*\n.*code: DENIED/);
  const missing = await plan("--mesos-auth-file", "/nowhere");
  expect(missing).toMatchObject({ exitCode: 64, stderr: expect.stringContaining("--mesos URL") });
});

test("an agent that does not tell its flags is named, and the plan is made without it", async () => {
  const agent = new URL(await loopback.nobody());
  const answers = {
    ...flags({}),
    GET_AGENTS: {
      agents: [{ agent_info: { hostname: agent.hostname, port: Number(agent.port), id: { value: "S0" } } }],
    },
    GET_FRAMEWORKS: {},
  };
  const answer = await plan("--mesos", await loopback.http(mesos(answers, [])));
  expect(answer, answer.stderr).toMatchObject({ exitCode: 0 });
  expect(answer.stdout).toContain("of 0 of 1 agents were read");
  expect(answer.stdout).toMatch(/flags of 127\.0\.0\.1 are not known: API_UNREACHABLE/);
});
