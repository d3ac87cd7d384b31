import { describe, expect, test } from "vitest";
import { ANYWHERE, json, startOrchestrator } from "../server.fixture.js";
import { makeService } from "../service.fixture.js";

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
});
