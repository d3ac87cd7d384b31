import type { Deployment } from "@holdfast/marathon";
import { createFakeOp } from "@holdfast/testkit";
import { describe, expect, test } from "vitest";
import { ANYWHERE, json, running, startOrchestrator } from "../server.fixture.js";
import { makeService } from "../service.fixture.js";
import { APP_ID, SERVICE } from "../view.fixture.js";
import { DeploymentSlots } from "./deployment-slots.js";

describe("deployments in flight", () => {
  test("never more than the limit, in whatever order they are asked for; asked of Marathon only where needed", async () => {
    const { small, compile, apply, op } = await startOrchestrator({ deploymentsMax: 3, deploymentWaitMs: 5_000 });
    small.quick = false;
    let most = 0;
    small.onChange = () => {
      most = Math.max(most, small.deployments.length);
      setTimeout(() => small.deployments.shift(), 50);
    };
    const services = Array.from({ length: 12 }, (_, n) => compile(makeService({}, `s-${n}`), ANYWHERE));
    await Promise.all(services.map((compiled) => apply({ ...op, signal: new AbortController().signal }, compiled)));
    expect(small.apps.size).toBe(12);
    expect(most).toBe(3);
  });

  test("those of a predecessor count; when none ends, BUSY and nothing is sent", async () => {
    const { small, compiled, apply, op } = await startOrchestrator({ deploymentsMax: 2 });
    small.deployments.push({ id: "d-1", affectedApps: ["/s-1"] }, { id: "d-2", affectedApps: ["/s-2"] });
    await expect(apply(op, compiled)).rejects.toMatchObject({
      code: "BUSY",
      retryable: true,
      detail: { deployments: ["d-1", "d-2"] },
    });
    expect(small.changes()).toEqual([]);
    small.deployments.pop();
    await apply(op, compiled);
    expect(small.apps.size).toBe(1);
  });

  test("those of other groups do not count", async () => {
    const { small, compiled, apply, op } = await startOrchestrator({ deploymentsMax: 1, group: "/db" });
    small.deployments.push({ id: "d-1", affectedApps: ["/web/shop"] });
    await apply(op, compiled);
    expect(small.apps.has("/db/orders-db")).toBe(true);
  });

  test("a refused change gives its slot back", async () => {
    const { small, compiled, apply, op } = await startOrchestrator({ deploymentsMax: 1 });
    small.intercept = ({ method }, response) =>
      method === "POST" ? json(response, 422, { message: "no" }) : undefined;
    for (let n = 0; n < 3; n += 1) await expect(apply(op, compiled)).rejects.toMatchObject({ code: "INVALID_SPEC" });
    small.intercept = () => undefined;
    await apply(op, compiled);
  });

  test("when all are stuck, a stop that overrides one gets through", async () => {
    const { small, compiled, apply, stop, op } = await startOrchestrator({ deploymentsMax: 1 });
    small.apps.set(APP_ID, running(compiled, { mem: 100 }));
    small.deployments.push({ id: "stuck", affectedApps: [APP_ID] }, { id: "d-2", affectedApps: ["/s-2"] });
    await expect(apply(op, compiled)).rejects.toMatchObject({ code: "BUSY" });
    await stop(op, SERVICE, { overrideDeployments: true });
    expect(small.apps.get(APP_ID)?.instances).toBe(0);
  });
});

describe("DeploymentSlots", () => {
  const deployment = (id: string): Deployment => ({
    ...{ id, version: "v", affectedApps: ["/s-1"], affectedPods: [], steps: [], currentActions: [] },
    ...{ currentStep: 1, totalSteps: 1 },
  });

  test("a deployment that was accepted while Marathon was being asked is not taken for one that has ended", async () => {
    const op = createFakeOp();
    const answers: ((listed: readonly Deployment[]) => void)[] = [];
    const list = () => new Promise<readonly Deployment[]>((resolve) => answers.push(resolve));
    const slots = new DeploymentSlots({ limit: 2, waitMs: 0, pollMs: 1, list, isOurs: () => true });
    const first = slots.take(op);
    answers.shift()?.([deployment("d-1")]);
    const slot = await first;
    // Full: one is listed, one is being sent. This look begins before that one is accepted, and does not know it.
    const second = slots.take(op);
    slot.accepted(["d-2"]);
    answers.shift()?.([deployment("d-1")]);
    await expect(second).rejects.toMatchObject({ code: "BUSY", detail: { deployments: ["d-1", "d-2"] } });
    // The next look does.
    const third = slots.take(op);
    answers.shift()?.([deployment("d-1")]);
    (await third).release();
  });

  test("a look that failed is its caller's; who else waited looks for itself", async () => {
    const op = createFakeOp();
    let looks = 0;
    const list = async () => {
      looks += 1;
      if (looks === 1) throw new Error("aborted by another");
      return [];
    };
    const slots = new DeploymentSlots({ limit: 1, waitMs: 0, pollMs: 1, list, isOurs: () => true });
    const [one, other] = await Promise.allSettled([slots.take(op), slots.take(createFakeOp())]);
    expect([one.status, other.status, looks]).toEqual(["rejected", "fulfilled", 2]);
  });
});
