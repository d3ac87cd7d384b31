import type { StorageFinding } from "@holdfast/core";
import type { GlusterfsOptions } from "./options.js";
import type { VolumeInfo } from "./xml.js";

/** Effective volume options, as `gluster volume get VOLUME all` gives them. */
export type Settings = ReadonlyMap<string, string>;

export interface Recommended {
  readonly name: string;
  readonly value: string;
  readonly why: string;
}

/**
 * How long a client that fell silent keeps its locks: the server's kernel gives its connection up when a keepalive probe has gone
 * unanswered and `tcp-user-timeout` has passed (tcp(7), TCP_USER_TIMEOUT), or after `count` probes where that is 0. Measured: 5.8 s for
 * 5/2/1/3, 42 s for the defaults.
 */
export function deadClientMs(settings: Settings): number {
  const seconds = (name: string) => Number(settings.get(`server.${name}`) ?? 0);
  const [user, time, interval] = [
    seconds("tcp-user-timeout"),
    seconds("keepalive-time"),
    seconds("keepalive-interval"),
  ];
  if (user === 0) return (time + interval * seconds("keepalive-count")) * 1_000;
  return (Math.max(user, time) + interval) * 1_000;
}

/** Settings under which a dead client's locks are free within `deadClientLockMs`. */
export function lockSettings({ deadClientLockMs }: Pick<GlusterfsOptions, "deadClientLockMs">): Recommended[] {
  const intervalS = deadClientLockMs >= 10_000 ? 2 : 1;
  const userS = Math.max(1, Math.floor(deadClientLockMs / 1_000) - intervalS);
  const why = "bounds how long a dead client keeps its locks; set it before the volume starts";
  return [
    { name: "server.tcp-user-timeout", value: String(userS), why },
    { name: "server.keepalive-time", value: String(Math.max(1, Math.floor(userS / 3))), why },
    { name: "server.keepalive-interval", value: String(intervalS), why },
    { name: "server.keepalive-count", value: "3", why },
  ];
}

export const PING_TIMEOUT_S_MAX = 15;

/** Pure: what `inspect` says about the volume's settings. */
export function findSettings(options: GlusterfsOptions, info: VolumeInfo, settings: Settings): StorageFinding[] {
  const findings: StorageFinding[] = [];
  const set = (name: string, value: string) => `gluster volume set ${options.volume} ${name} ${value}`;
  const add = (severity: StorageFinding["severity"], code: string, message: string, fix: string) =>
    findings.push({ severity, code, message, fix });
  const boundMs = deadClientMs(settings);
  if (boundMs > options.deadClientLockMs) {
    add(
      "warning",
      "GLUSTER_DEAD_CLIENT_LOCK",
      `A client that falls silent keeps its locks for up to ${boundMs / 1_000} s; deadClientLockMs says ${options.deadClientLockMs / 1_000} s.`,
      `${lockSettings(options)
        .map(({ name, value }) => set(name, value))
        .join("; ")}; then stop and start the volume`,
    );
  }
  const pingS = Number(settings.get("network.ping-timeout") ?? 0);
  if (pingS === 0 || pingS > PING_TIMEOUT_S_MAX) {
    add(
      "warning",
      "GLUSTER_PING_TIMEOUT",
      `When a server vanishes, every call hangs for network.ping-timeout: ${pingS === 0 ? "without limit" : `${pingS} s`}.`,
      set("network.ping-timeout", "10"),
    );
  }
  if (info.replicas > 1 && settings.get("cluster.quorum-type") === "none") {
    add(
      "error",
      "GLUSTER_QUORUM",
      "Without client quorum both sides of a partition are written to: split-brain.",
      set("cluster.quorum-type", "auto"),
    );
  }
  if (info.replicas === 2) {
    add(
      "warning",
      "GLUSTER_REPLICA_2",
      "Two copies: the first brick alone decides, and its loss stops all writes.",
      "Add an arbiter: gluster volume add-brick … replica 3 arbiter 1",
    );
  }
  if (info.replicas > 1 && (settings.get("cluster.favorite-child-policy") ?? "none") !== "none") {
    add(
      "warning",
      "GLUSTER_FAVORITE_CHILD",
      "Split-brain is resolved by dropping one side's writes without asking.",
      set("cluster.favorite-child-policy", "none"),
    );
  }
  if (settings.get("client.strict-locks") !== "on") {
    add(
      "warning",
      "GLUSTER_STRICT_LOCKS",
      "A client that was cut off gets its locked files back open after healing, although its locks are gone.",
      set("client.strict-locks", "on"),
    );
  }
  if (settings.get("features.read-only") === "on" || settings.get("features.worm") === "on") {
    add(
      "error",
      "GLUSTER_READ_ONLY",
      "The volume is read-only.",
      `gluster volume reset ${options.volume} features.read-only`,
    );
  }
  if (options.control.length > 0 && settings.get("server.dynamic-auth") === "off") {
    add(
      "error",
      "GLUSTER_DYNAMIC_AUTH",
      "Bricks keep the connections of a client that is refused: the fence would cut nobody off.",
      set("server.dynamic-auth", "on"),
    );
  }
  const unnamed = [...new Set(info.bricks.map(({ host }) => host))].filter((host) => !options.servers.includes(host));
  if (unnamed.length > 0) {
    add(
      "warning",
      "GLUSTER_SERVERS",
      `Bricks lie on servers that the options do not name: ${unnamed.join(", ")}.`,
      "Name every server under `servers`, as `volume info` writes it: `cut` looks for connections to those.",
    );
  }
  return findings;
}
