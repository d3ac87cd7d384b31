import { serviceSchema } from "@holdfast/core";
import { compileApp, diffApp, lintDefinition } from "@holdfast/orchestrator-marathon";

const service = serviceSchema.parse({
  apiVersion: "holdfast/v1",
  kind: "Service",
  metadata: { name: "orders-db" },
  spec: {
    engine: { type: "process", command: ["redis-server", "--appendonly", "yes"] },
    storage: [{ strategy: "shared-fs", mountPath: "/srv/orders-db" }],
    resources: { cpus: 1, memMiB: 1024 },
  },
});
const app = compileApp(
  service,
  { kind: "any" },
  {
    executable: { uri: "https://files.example/holdfast-0.1.0" },
    serviceFile: { uri: "https://files.example/{{service}}/{{digest}}.yaml" },
    store: "zookeeper://zk1:2181,zk2:2181,zk3:2181/holdfast",
    // What the strategy says of itself; `placedVolume` asks it.
    volumes: () => [
      {
        role: "data",
        strategy: "shared-fs",
        mountPath: "/srv/orders-db",
        capabilities: { movesBetweenAgents: true, mounts: true, cutMsMax: 4_000 },
        scheduler: null,
      },
    ],
  },
);
console.log(app.failover.kind, app.definition.unreachableStrategy, app.reasons["/unreachableStrategy"]);
console.log(lintDefinition(app.definition)); // []
console.log(lintDefinition({ id: "/db", cmd: "mysqld" }).map(({ code }) => code)); // MARATHON_NO_WRAPPER, …
console.log(diffApp(app.definition, { ...app.definition, mem: 2048 }).why); // Marathon restarts the task …
