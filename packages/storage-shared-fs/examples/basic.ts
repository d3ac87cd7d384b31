import { createSharedFsStrategy } from "@holdfast/storage-shared-fs";

const strategy = createSharedFsStrategy();
const volume = {
  service: "orders-db",
  role: "data",
  mountPath: "/srv/orders-db",
  diskMiB: null,
  options: {
    type: "nfs4",
    source: "filer:/exports/orders-db",
    server: {
      kind: "kernel",
      control: {
        kind: "ssh",
        host: "filer",
        identityFile: "/etc/holdfast/filer-key",
        knownHostsFile: "/etc/holdfast/filer-host",
        command: ["env"],
      },
    },
    agents: { "agent-1": "192.0.2.11", "agent-2": "192.0.2.12" },
  },
};
const { statements, commands } = strategy.explain(volume);
for (const statement of statements) console.log(statement);
console.log(commands.mount?.join("\n"));
console.log(commands.fence?.join("\n"));
