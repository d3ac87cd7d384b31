import { errorCode } from "@holdfast/core";
import { expect, test } from "vitest";
import { createFakeOp } from "../../../fakes/op.js";
import { countEffects } from "./effects.js";
import { CRASHED } from "./protocol.js";

const limit = { timeoutMs: 1 };

test("counts what changes the world, and nothing that only reads", async () => {
  const { op, effects } = countEffects(createFakeOp({ exec: () => ({}), volumes: { "/v": {} } }));
  await op.files.read("/a", { bytesMax: 1 });
  await op.volumes.look("/v", limit);
  await op.mounts();
  await op.files.replace("/a", Buffer.from("x"));
  await op.exec("mount", ["a", "b"], limit);
  await op.volumes.sync("/v", limit);
  expect(effects).toEqual(["replace /a", "mount a b", "sync /v"]);
});

test("after the crash point nothing takes place any more, also not what tidies up", async () => {
  const inner = createFakeOp({ exec: () => ({}) });
  const counter = countEffects(inner, { afterEffects: 1 });
  await counter.op.exec("first", [], limit);
  const second = counter.op.exec("second", [], limit).finally(() => counter.op.files.remove("/a"));
  expect(errorCode(await second.catch((error: unknown) => error))).toBe(CRASHED);
  expect(inner.execCalls.map(({ command }) => command)).toEqual(["first"]);
  expect(counter.crashed).toBe(true);
});
