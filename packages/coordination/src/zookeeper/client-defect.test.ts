import { createRequire } from "node:module";
import zookeeper from "node-zookeeper-client";
import { expect, test } from "vitest";
import { isClientDefect } from "./client-defect.js";
import { connectionManagerOf } from "./client-internals.js";

const thrownBy = (action: () => void): unknown => {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};

test("recognises what the client throws on codes and events that it does not know", () => {
  const require = createRequire(import.meta.url);
  const exception = require("node-zookeeper-client/lib/Exception.js") as { create(code: number): void };
  expect(isClientDefect(thrownBy(() => exception.create(-125)))).toBe(true);
  const manager = connectionManagerOf(zookeeper.createClient("127.0.0.1:1")) as unknown as {
    watcherManager: { emit(event: unknown): void };
  };
  expect(isClientDefect(thrownBy(() => manager.watcherManager.emit({ type: 99, path: "/" })))).toBe(true);
});

test("recognises what the client throws on bytes that make no sense", () => {
  const client = zookeeper.createClient("127.0.0.1:1");
  const manager = connectionManagerOf(client);
  Object.assign(manager, { state: 2, socket: { destroy: () => undefined } });
  expect(isClientDefect(thrownBy(() => manager.onSocketData(Buffer.from([0, 0, 0, 2, 1, 1]))))).toBe(true);
});

test("takes nothing else for one", () => {
  for (const other of [new Error("Unknown flag"), new TypeError("x"), "Unknown code: -125", undefined]) {
    expect(isClientDefect(other)).toBe(false);
  }
});
