import type { Volume } from "@holdfast/core";

export const OPTIONS = {
  volume: "orders",
  server: { kind: "nbdkit", address: "10.0.0.9", port: 10_809 },
  control: { kind: "command", command: ["holdfast-nbd-server", "--config", "/etc/holdfast/nbd.json"] },
  fsType: "ext4",
};

export function volumeWith(options: unknown): Volume {
  return { service: "orders", role: "data", mountPath: "/srv/orders", diskMiB: null, options };
}
