import { HoldfastError } from "@holdfast/core";
import { expect, test } from "vitest";
import { createFakeEngine } from "./engine.js";
import { createFakeOp } from "./op.js";
import { createFakeOrchestrator } from "./orchestrator.js";
import { createFakeStorageStrategy } from "./storage-strategy.js";

const volume = { service: "orders-db", role: "data", mountPath: "/srv/x", diskMiB: null, options: {} };
const grant = (agent: string, epoch: bigint) => ({
  service: "orders-db",
  epoch,
  run: `run-${epoch}`,
  agent,
  signal: new AbortController().signal,
});

test("the fake strategy lets one agent at a time in, refuses older epochs, and fences", async () => {
  const strategy = createFakeStorageStrategy();
  const op = createFakeOp();
  const context = await strategy.attach(op, volume, "agent-1", grant("agent-1", 1n));
  await strategy.attach(op, volume, "agent-1", grant("agent-1", 1n));
  await strategy.mount(op, volume, context, grant("agent-1", 1n));
  await expect(strategy.attach(op, volume, "agent-2", grant("agent-2", 2n))).rejects.toMatchObject({
    code: "HELD_BY_OTHER",
  });
  const former = { agent: "agent-1", epoch: 1n, bootId: null };
  const plan = strategy.plan(volume, await strategy.observe(op, volume), {
    agent: "agent-2",
    epoch: 2n,
    former: [former],
  });
  expect(plan).toMatchObject({ kind: "steps", steps: [{ verb: "fence", former }, { verb: "attach" }] });
  const receipt = await strategy.fence(op, volume, former, grant("agent-2", 2n));
  expect(receipt).toMatchObject({ fencedEpoch: 1n, byEpoch: 2n });
  await strategy.attach(op, volume, "agent-2", grant("agent-2", 2n));
  await expect(strategy.mount(op, volume, context, grant("agent-1", 1n))).rejects.toMatchObject({
    code: "STALE_EPOCH",
  });
  strategy.failNext("cut", new HoldfastError("UNKNOWN_OUTCOME", "?", { hint: "" }));
  await expect(strategy.cut(op, volume)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(await strategy.cut(op, volume)).toMatchObject({ kind: "cut" });
});

test("the fake engine says what it is told to say", async () => {
  const engine = createFakeEngine({ replication: true });
  const op = createFakeOp();
  const context = { service: "s", dataDir: "/d", sandboxDir: "/t", port: 1, bind: "::1", secrets: {}, options: {} };
  engine.readinessNow = { kind: "failed", detail: "no" };
  expect(await engine.readiness(op, context)).toEqual({ kind: "failed", detail: "no" });
  await engine.replication?.promote(op, context);
  expect(await engine.replication?.role(op, context)).toBe("primary");
  expect(createFakeEngine().replication).toBeUndefined();
});

test("the fake orchestrator remembers, and its events end with the signal", async () => {
  const orchestrator = createFakeOrchestrator();
  const controller = new AbortController();
  const op = createFakeOp({ signal: controller.signal });
  const event = { kind: "resync", service: null, detail: {} } as const;
  const seen = (async () => {
    const events = [];
    for await (const next of orchestrator.events(op)) {
      events.push(next);
      controller.abort();
    }
    return events;
  })();
  orchestrator.emit(event);
  expect(await seen).toEqual([event]);
  await orchestrator.apply(op, { definition: { id: "s" }, reasons: {}, warnings: [] });
  await orchestrator.stop(op, "s");
  expect(await orchestrator.observe(op, "s")).toMatchObject({ exists: true, suspended: true, tasks: [] });
});

test("the fake op runs nothing, keeps files in memory and does not print secrets", async () => {
  const op = createFakeOp({
    exec: ({ command, args }) => (command === "mount" ? { stdout: args.join(" ") } : undefined),
    secrets: { PASSWORD: "hunter2" },
  });
  expect((await op.exec("mount", ["/srv"], { timeoutMs: 1 })).stdout).toBe("/srv");
  await expect(op.exec("rm", ["-rf", "/"], { timeoutMs: 1 })).rejects.toThrow("No answer is prepared");
  await op.files.makeDirectory("/srv/x");
  await op.files.replace("/srv/x/a", new Uint8Array(3));
  expect(await op.files.list("/srv/x")).toEqual(["a"]);
  expect(await op.files.list("/srv/y")).toBeUndefined();
  await expect(op.files.read("/srv/x/a", { bytesMax: 2 })).rejects.toMatchObject({ code: "INVALID_SPEC" });
  const secret = await op.secret({ env: "PASSWORD" });
  expect([secret.reveal(), `${secret}`, JSON.stringify({ secret })]).toEqual([
    "hunter2",
    "[secret]",
    '{"secret":"[secret]"}',
  ]);
});
