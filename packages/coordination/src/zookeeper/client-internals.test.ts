import { createRequire } from "node:module";
import zookeeper from "node-zookeeper-client";
import { expect, test } from "vitest";
import { ConnectionState, connectionManagerOf, missingInternals } from "./client-internals.js";

test("the pinned client is the one whose private members are used", () => {
  const { version } = createRequire(import.meta.url)("node-zookeeper-client/package.json") as { version: string };
  expect(version).toBe("1.1.3");
});

test("every private member that is used exists", () => {
  expect(missingInternals(zookeeper.createClient("127.0.0.1:1"))).toEqual([]);
});

test("a member that is gone or has become something else is named", () => {
  const client = zookeeper.createClient("127.0.0.1:1");
  Object.assign(connectionManagerOf(client), { servers: "127.0.0.1:1", onSocketData: undefined });
  expect(missingInternals(client)).toEqual(["connectionManager.servers", "connectionManager.onSocketData"]);
  expect(missingInternals({} as typeof client)).toEqual(["connectionManager"]);
});

test("the states have the client's numbers", () => {
  const manager = connectionManagerOf(zookeeper.createClient("127.0.0.1:1"));
  expect((manager.constructor as unknown as { STATES: unknown }).STATES).toEqual(ConnectionState);
});
