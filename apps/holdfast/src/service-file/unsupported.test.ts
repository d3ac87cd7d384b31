import { serviceSchema } from "@holdfast/core";
import { expect, test } from "vitest";
import { notDone } from "./unsupported.js";

const service = (more: object, resources: object = {}) =>
  serviceSchema.parse({
    apiVersion: "holdfast/v1",
    kind: "Service",
    metadata: { name: "orders-db" },
    spec: {
      engine: { type: "process", command: ["true"] },
      storage: [{ strategy: "local-pin", mountPath: "/srv/orders" }],
      resources: { cpus: 1, memMiB: 64, ...resources },
      ...more,
    },
  });

test("what a service file asks for and nobody does is told, key by key", () => {
  expect(notDone(service({}))).toEqual([]);
  const backup = { name: "nightly", level: "logical", schedule: "0 3 * * *", repository: "r", keep: { last: 3 } };
  const all = { backup: [backup], alerts: { backupAgeHours: 26 }, discovery: { port: 6379 } };
  const told = notDone(service(all, { iops: { read: 100 }, network: { egressMbit: 10 } }));
  expect(told.map((line) => line.split(":")[0])).toEqual([
    "spec.backup",
    "spec.alerts",
    "spec.discovery",
    "spec.resources.iops",
    "spec.resources.network",
  ]);
});
