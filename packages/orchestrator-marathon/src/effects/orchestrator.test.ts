import { describe, expect, test } from "vitest";
import { running, startOrchestrator, startSmallMarathon } from "../server.fixture.js";
import { makeService } from "../service.fixture.js";
import { AGENT, APP_ID, makeApp, makeEvidence, makeTask, RELEASED, SERVICE } from "../view.fixture.js";

describe("observe", () => {
  test("one service: tasks, deployments, and nothing that is not there", async () => {
    const { small, compiled, observe, op } = await startOrchestrator();
    expect(await observe(op, SERVICE)).toMatchObject({ exists: false, owner: "nobody", tasks: [] });
    small.apps.set(APP_ID, running(compiled, { tasks: [makeTask("TASK_UNREACHABLE")] }));
    small.deployments.push({ id: "d-9", affectedApps: [APP_ID] });
    expect(await observe(op, SERVICE)).toMatchObject({
      exists: true,
      owner: "holdfast",
      suspended: false,
      deployments: ["d-9"],
      tasks: [{ id: makeTask().id, agent: AGENT, state: "unreachable", marathonState: "TASK_UNREACHABLE", run: null }],
    });
  });

  test("three thousand services: two requests; foreign apps are left out, copies of a definition are named", async () => {
    const { small, observeAll, op } = await startOrchestrator();
    for (let n = 0; n < 3_000; n += 1) {
      const id = `/s-${n}`;
      small.apps.set(id, makeApp({ id, labels: { HOLDFAST_SERVICE: `s-${n}` } }));
    }
    small.apps.set("/foreign", makeApp({ id: "/foreign", labels: {} }));
    small.apps.set("/copy", makeApp({ id: "/copy", labels: { HOLDFAST_SERVICE: "s-1" } }));
    small.queue = [{ app: { id: "/s-7" }, count: 1, delay: { timeLeftSeconds: 0, overdue: true } }];
    const { services, strays } = await observeAll(op);
    expect(services.size).toBe(3_000);
    expect(services.get("s-7")).toMatchObject({ appId: "/s-7", owner: "holdfast", queued: { count: 1 } });
    expect(strays).toEqual(["/copy"]);
    expect(small.seen).toHaveLength(2);
  });
});

describe("stop", () => {
  test("scales to 0 and says nothing of proof", async () => {
    const { small, compiled, stop, stopped, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled));
    small.onChange = () => small.apps.get(APP_ID)?.tasks?.splice(0);
    await stop(op, SERVICE);
    expect(small.changes()).toMatchObject([{ method: "PATCH", body: { instances: 0 } }]);
    expect(small.changes()[0]?.query.get("force")).toBe("false");
    expect(await stopped(op, SERVICE, makeEvidence())).toMatchObject({ kind: "open", missing: "lease" });
    expect((await stopped(op, SERVICE, RELEASED)).kind).toBe("over");
  });

  test("overrides a stuck deployment of this app alone, with force", async () => {
    const { small, compiled, stop, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled));
    small.deployments.push({ id: "stuck", affectedApps: [APP_ID] });
    await expect(stop(op, SERVICE)).rejects.toMatchObject({ code: "BUSY" });
    small.onChange = () => void small.deployments.splice(0);
    await stop(op, SERVICE, { overrideDeployments: true });
    expect(small.changes()[0]?.query.get("force")).toBe("true");
  });
});

describe("move", () => {
  const there = { kind: "agents", agents: ["b.example"], why: "the data was restored there" } as const;

  test("stop, proof, start in the new place; the deployment's success is not enough", async () => {
    const { small, compiled, compile, move, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled));
    small.onChange = () => small.apps.get(APP_ID)?.tasks?.splice(0);
    let looks = 0;
    const next = compile(makeService(), there);
    await move(op, next, async () => {
      looks += 1;
      return looks < 4 ? makeEvidence() : RELEASED;
    });
    // Marathon had nothing listed from the second look on.
    expect(looks).toBe(4);
    expect(small.changes().map(({ method }) => method)).toEqual(["PATCH", "PUT"]);
    expect(small.apps.get(APP_ID)).toMatchObject({ instances: 1, constraints: [["hostname", "IS", "b.example"]] });
  });

  test("waits for proof until the signal aborts, and the service stays stopped", async () => {
    const abort = new AbortController();
    const small = await startSmallMarathon({}, abort);
    const next = small.orchestrator.compile(makeService(), there);
    small.apps.set(APP_ID, running(next, { constraints: [["hostname", "IS", AGENT]], instances: 0, tasks: [] }));
    setTimeout(() => abort.abort(new Error("enough")), 100);
    await expect(small.orchestrator.move(small.op, next, async () => makeEvidence())).rejects.toThrow("enough");
    expect(small.changes()).toEqual([]);
  });
});

describe("explain", () => {
  test("reads the queue: why nothing starts", async () => {
    const { small, compiled, explain, op } = await startOrchestrator();
    small.apps.set(APP_ID, running(compiled, { tasks: [] }));
    const rejectSummaryLastOffers = [
      { reason: "InsufficientPorts", declined: 4, processed: 4 },
      { reason: "UnmatchedRole", declined: 0, processed: 4 },
    ];
    const processedOffersSummary = { processedOffersCount: 4, unusedOffersCount: 4, rejectSummaryLastOffers };
    small.queue = [
      { app: { id: APP_ID }, count: 1, delay: { timeLeftSeconds: 0, overdue: true }, processedOffersSummary },
    ];
    const said = await explain(op, SERVICE);
    expect(said.situation).toBe("waiting-for-offers");
    expect(said.says).toMatch(/InsufficientPorts \(4 of 4\)/);
    expect(said.says).not.toContain("UnmatchedRole");
  });
});
