import { expect, test } from "vitest";
import { glusterfsOptionsSchema } from "./options.js";
import { deadClientMs, findSettings, lockSettings } from "./settings.js";
import type { VolumeInfo } from "./xml.js";

const options = glusterfsOptionsSchema.parse({
  type: "glusterfs",
  servers: ["a", "b", "c"],
  volume: "v1",
  control: [{ kind: "command", command: ["gluster"] }],
});
const info: VolumeInfo = {
  status: "Started",
  replicas: 3,
  dispersed: 0,
  options: new Map(),
  bricks: ["a", "b", "c"].map((host) => ({ name: `${host}:/b`, host, set: 0 })),
};
const recommended = new Map([
  ...lockSettings(options).map(({ name, value }) => [name, value] as const),
  ["network.ping-timeout", "10"],
  ["cluster.quorum-type", "auto"],
  ["client.strict-locks", "on"],
  ["server.dynamic-auth", "on"],
]);
const codes = (changes: Record<string, string>, of = info) =>
  findSettings(options, of, new Map([...recommended, ...Object.entries(changes)])).map(({ code }) => code);

test("what it recommends keeps the bound it is recommended for", () => {
  for (const deadClientLockMs of [2_000, 7_000, 20_000, 60_000]) {
    const settings = new Map(lockSettings({ deadClientLockMs }).map(({ name, value }) => [name, value]));
    expect(deadClientMs(settings)).toBeLessThanOrEqual(deadClientLockMs);
  }
  expect(codes({})).toEqual([]);
});

test("computes what was measured, to the second", () => {
  const settings = (user: number, time: number, interval: number, count: number) =>
    new Map(
      Object.entries({
        "server.tcp-user-timeout": String(user),
        "server.keepalive-time": String(time),
        "server.keepalive-interval": String(interval),
        "server.keepalive-count": String(count),
      }),
    );
  expect(deadClientMs(settings(5, 2, 1, 3))).toBe(6_000);
  expect(deadClientMs(settings(42, 20, 2, 9))).toBe(44_000);
  expect(deadClientMs(settings(0, 20, 2, 9))).toBe(38_000);
});

test.each([
  ["GLUSTER_DEAD_CLIENT_LOCK", { "server.tcp-user-timeout": "42" }],
  ["GLUSTER_PING_TIMEOUT", { "network.ping-timeout": "42" }],
  ["GLUSTER_PING_TIMEOUT", { "network.ping-timeout": "0" }],
  ["GLUSTER_QUORUM", { "cluster.quorum-type": "none" }],
  ["GLUSTER_FAVORITE_CHILD", { "cluster.favorite-child-policy": "mtime" }],
  ["GLUSTER_STRICT_LOCKS", { "client.strict-locks": "off" }],
  ["GLUSTER_READ_ONLY", { "features.read-only": "on" }],
  ["GLUSTER_DYNAMIC_AUTH", { "server.dynamic-auth": "off" }],
])("finds %s", (code, changes) => {
  expect(codes(changes)).toEqual([code]);
});

test("finds two copies, and servers that the options do not name", () => {
  const bricks = ["a", "z"].map((host) => ({ name: `${host}:/b`, host, set: 0 }));
  expect(codes({}, { ...info, replicas: 2, bricks })).toEqual(["GLUSTER_REPLICA_2", "GLUSTER_SERVERS"]);
});
