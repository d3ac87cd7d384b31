import { HoldfastError } from "@holdfast/core";
import { createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMarathonClient } from "../client.js";
import { APP, json, RESULT, recording } from "../marathon.fixture.js";
import { type App, appSchema } from "../schemas.js";
import { settleApp } from "./settle.js";

let loopback: Loopback;
beforeEach(() => {
  loopback = createLoopback();
});
afterEach(() => loopback.close());

const before = appSchema.parse(APP);
const SCALE = { kind: "patch", before, patch: { instances: 0 } } as const;
const fast = { settleMs: 400, pollMs: 20 };

/** Applies a PATCH after `applyAfterMs` (never: null) and loses its answer, as a proxy that gave up on the leader. */
async function lossy(applyAfterMs: number | null) {
  let app = { ...APP };
  let reads = 0;
  const url = await loopback.http(
    recording([], (seen, response, request) => {
      if (seen.method === "GET") {
        reads += 1;
        return json(response, 200, { app });
      }
      if (applyAfterMs !== null) {
        setTimeout(() => {
          app = { ...app, ...(seen.body as object), version: "2026-01-02T03:05:00.000Z" };
        }, applyAfterMs);
      }
      request.socket.destroy();
    }),
  );
  return { marathon: createMarathonClient({ endpoints: [url] }), reads: () => reads };
}

test.each([0, 150])("a change that was applied %d ms after its answer was lost is found", async (applyAfterMs) => {
  const { marathon } = await lossy(applyAfterMs);
  await expect(marathon.apps.scale("/db/orders", 0)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(await settleApp(marathon.apps, "/db/orders", SCALE, fast)).toEqual({
    kind: "applied",
    version: "2026-01-02T03:05:00.000Z",
  });
});

test("a change that was not applied is told so only after the whole time", async () => {
  const { marathon, reads } = await lossy(null);
  await expect(marathon.apps.scale("/db/orders", 0)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  const startedAtMs = performance.now();
  expect(await settleApp(marathon.apps, "/db/orders", SCALE, fast)).toEqual({ kind: "not-applied" });
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(400);
  expect(reads()).toBeGreaterThan(3);
});

test("Marathon that cannot be read leaves the outcome unknown; one that comes back in time does not", async () => {
  const failing = (failures: number) => {
    let left = failures;
    return {
      async find(): Promise<App | null> {
        left -= 1;
        if (left >= 0) throw new HoldfastError("API_UNREACHABLE", "no answer", { hint: "wait" });
        return { ...before, instances: 0, version: "v2" };
      },
    };
  };
  await expect(settleApp(failing(Number.POSITIVE_INFINITY), "/db/orders", SCALE, fast)).rejects.toMatchObject({
    code: "UNKNOWN_OUTCOME",
    retryable: true,
  });
  expect(await settleApp(failing(3), "/db/orders", SCALE, fast)).toEqual({ kind: "applied", version: "v2" });
});

test("refused credentials are told at once", async () => {
  const denied = {
    async find(): Promise<App | null> {
      throw new HoldfastError("DENIED", "401", { hint: "" });
    },
  };
  await expect(settleApp(denied, "/db/orders", SCALE, fast)).rejects.toMatchObject({ code: "DENIED" });
});

test("it stops when told to", async () => {
  const { marathon } = await lossy(null);
  const reason = new Error("shutting down");
  const signal = AbortSignal.abort(reason);
  await expect(settleApp(marathon.apps, "/db/orders", SCALE, { ...fast, signal })).rejects.toBe(reason);
  const later = new AbortController();
  const settling = settleApp(marathon.apps, "/db/orders", SCALE, {
    ...fast,
    pollMs: 10_000,
    settleMs: 10_000,
    signal: later.signal,
  });
  setTimeout(() => later.abort(reason), 100);
  await expect(settling).rejects.toBe(reason);
});

test("a repeated creation whose first answer was lost finds its own app", async () => {
  let app: object | undefined;
  const url = await loopback.http(
    recording([], (seen, response, request) => {
      if (seen.method === "GET") return json(response, 200, { app });
      if (app !== undefined) return json(response, 409, { message: "An app with id [/db/orders] already exists." });
      app = { ...(seen.body as object), version: RESULT.version };
      request.socket.destroy();
    }),
  );
  const { apps } = createMarathonClient({ endpoints: [url] });
  const definition = { id: "/db/orders", cmd: "exec mysqld", instances: 1 };
  await expect(apps.create(definition)).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
  await expect(apps.create(definition)).rejects.toMatchObject({ code: "RECORD_EXISTS" });
  const verdict = await settleApp(apps, "/db/orders", { kind: "create", definition }, fast);
  expect(verdict).toEqual({ kind: "applied", version: RESULT.version });
});
