import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, type TestContext, test } from "vitest";
import { CHECKED, COPY, RESIDENT, SINGLE } from "../core/core.fixture.js";
import { startTestSim, type TestSim } from "../sim.fixture.js";
import { ContractCheck } from "./check.js";
import { locateContract } from "./locate.js";

const contract = locateContract(fileURLToPath(new URL("../../../..", import.meta.url)));

function folder({ skip }: TestContext): string {
  if (contract === undefined) skip("the published Marathon contract is not here; set HOLDFAST_CONTRACTS");
  return contract as string;
}

async function settled(sim: TestSim): Promise<void> {
  while ((await sim.call("GET", "/v2/deployments")).data.length > 0) await pause(5);
}

const READS = ["/v2/apps?embed=apps.tasks&embed=apps.lastTaskFailure", "/v2/apps/db", "/v2/apps/db/tasks", "/v2/tasks"];
const OTHERS = ["/v2/deployments", "/v2/queue", "/v2/info", "/v2/leader", "/v2/apps/db/versions", "/v2/apps/none"];

describe("the published contract", () => {
  // A few hundred requests: seconds on a machine that is busy otherwise.
  test("allows every answer along the life of an app", { timeout: 60_000 }, async (context) => {
    const sim = await startTestSim({ contract: folder(context) });
    const read = async () => {
      for (const path of [...READS, ...OTHERS]) await sim.call("GET", path);
    };
    for (const app of [SINGLE, RESIDENT, CHECKED, { ...COPY, portDefinitions: [{ name: "p" }] }]) {
      await sim.call("POST", "/v2/apps", app);
      await read();
      if (app !== CHECKED) await settled(sim);
      const [task] = (await sim.call("GET", "/v2/apps/db/tasks")).data.tasks;
      await sim.call("DELETE", `/v2/apps/db/tasks/${task.id}`);
      await read();
      await sim.call("PUT", "/v2/apps/db", { constraints: [["hostname", "IS", "nowhere"]] });
      await sim.call("PUT", "/v2/apps/db", { instances: 3 });
      await read();
      await sim.call("PUT", "/v2/apps/db?force=true", { instances: "3" });
      await sim.call("POST", "/v2/apps/db/restart?force=true");
      sim.control.agent(task.slaveId).unreachable();
      await read();
      await sim.call("DELETE", "/v2/apps/db");
      sim.control.agent(task.slaveId).back();
      await settled(sim);
    }
    await sim.call("POST", "/v2/tasks/delete", { ids: [] });
    await sim.call("DELETE", "/v2/leader");
    expect(sim.control.contractViolations()).toEqual([]);
    const findings = sim.control.requestFindings().flatMap(({ problems }) => problems);
    expect(new Set(findings)).toEqual(new Set(["/instances must be integer (integer)"]));
  });

  test("names what a client misspelt, which Marathon ignores in silence", async (context) => {
    const sim = await startTestSim({ contract: folder(context) });
    expect((await sim.call("POST", "/v2/apps", { ...COPY, instnaces: 3 })).status).toBe(201);
    expect(sim.control.requestFindings()).toEqual([
      {
        ...{ method: "POST", path: "/v2/apps", status: null },
        problems: [expect.stringContaining("must NOT have additional properties (instnaces)")],
      },
    ]);
  });

  test("does not allow an invented field, a missing one, or a wrong type", (context) => {
    const check = new ContractCheck(folder(context));
    const request = {
      method: "GET",
      path: "/v2/tasks",
      uri: "",
      query: new URLSearchParams(),
      body: "",
      accept: "",
      clientIp: "",
    };
    const task = { id: "x", appId: "/x", host: "h", state: "TASK_RUNNING", role: "*" };
    for (const body of [task, { ...task, colour: "red" }, { ...task, role: undefined }, { ...task, state: "RUNNING" }])
      check.response(request, {
        status: 200,
        contentType: "application/json",
        body: "",
        headers: {},
        data: { tasks: [body] },
      });
    expect(check.responses.map(({ problems }) => problems.length > 0)).toEqual([true, true, true]);
  });

  test("its system-test apps and documented apps are accepted, or refused with a reason", async (context) => {
    const directory = folder(context);
    const sim = await startTestSim({ contract: directory });
    const apps = readdirSync(join(directory, "system-test-apps")).map((file) => [
      file,
      join(directory, "system-test-apps", file),
    ]);
    const answers: Record<string, unknown> = {};
    for (const [file = "", path = ""] of apps) {
      const { status, data } = await sim.call("POST", "/v2/apps", JSON.parse(readFileSync(path, "utf8")));
      answers[file] = status === 201 ? 201 : data;
    }
    for (const list of ["persistent-volume-apps.json", "external-volume-apps.json"])
      for (const app of JSON.parse(readFileSync(join(directory, "extracted", list), "utf8"))) {
        const { status, data } = await sim.call("POST", "/v2/apps", app);
        answers[`${list} ${app.id}`] = status === 201 ? 201 : data;
      }
    expect(answers).toMatchInlineSnapshot(`
      {
        "app-with-https-readiness-checks.json": 201,
        "docker-http-server.json": 201,
        "external-volume-apps.json /test-docker": {
          "details": [
            {
              "errors": [
                "Requested volume name my-test-vol is already in use by another app",
              ],
              "path": "/container/volumes",
            },
          ],
          "message": "Object is not valid",
        },
        "external-volume-apps.json hello": 201,
        "external-volume-mesos-app.json": 201,
        "healthcheck-and-volume.json": 201,
        "mesos-app.json": 201,
        "persistent-volume-app.json": 201,
        "persistent-volume-apps.json /mysql": 201,
        "persistent-volume-apps.json /postgres": 201,
        "readiness-and-health-app.json": 201,
        "resident-docker-app.json": 201,
        "sleep-app.json": 201,
        "ucr-docker-http-server.json": 201,
      }
    `);
    expect(sim.control.contractViolations()).toEqual([]);
  });
});
