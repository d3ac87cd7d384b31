import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Grant, Op, Volume } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import { createSharedFsStrategy } from "@holdfast/storage-shared-fs";
import { findInit, type NodeHalf, type StorageAgent, startNodeHalf } from "@holdfast/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { failure, STRATEGY } from "./scene.js";

/*
 * Any file server that the operator mounted, without virtual machines: what stands in for the mount is a file system in
 * memory that carries a server's name as its source.
 */

const SOURCE = "filer:/exports/orders-db";
const strategy = createSharedFsStrategy();
const { signal } = new AbortController();
const directory = mkdtempSync(join(tmpdir(), "holdfast-posix-"));
const mountPath = join(directory, "volume");
const hook = join(directory, "hook.sh");

/** The operator's own commands: a file with a line for each fenced agent. */
const HOOK = `#!/bin/sh
set -eu
state=${directory}/fenced
touch "$state"
case $1 in
  fence) sed -i "/^$2 /d" "$state"; echo "$2 $5 refused at $3" >> "$state" ;;
  unfence) sed -i "/^$2 /d" "$state" ;;
  status) cat "$state" ;;
esac
`;

const volume: Volume = {
  service: "orders-db",
  role: "data",
  mountPath,
  diskMiB: null,
  options: {
    type: "posix",
    source: SOURCE,
    mount: "operator",
    agents: { "agent-a": "192.0.2.1", "agent-b": "192.0.2.2" },
    server: {
      kind: "hook",
      control: { kind: "command", command: [hook] },
      fence: ["fence"],
      unfence: ["unfence"],
      status: ["status"],
    },
  },
};
const here: StorageAgent = {
  id: "agent-a",
  address: "192.0.2.1",
  command: (argv) => argv,
  cut: async () => undefined,
  drop: async () => undefined,
  heal: async () => undefined,
};
const grant = (agent: string, epoch: bigint): Grant => {
  return { service: "orders-db", epoch, run: `run-${epoch}-of-${agent}`, agent, signal };
};

let half: NodeHalf;
let op: Op;

beforeAll(async () => {
  mkdirSync(mountPath);
  writeFileSync(hook, HOOK, { mode: 0o755 });
  op = createOp({
    signal,
    workDirectory: directory,
    logger: { log: () => undefined },
    volumeTools: nativeVolumeTools(findInit()),
  });
  half = await startNodeHalf({ agent: here, strategy: STRATEGY });
});

afterAll(async () => {
  await half?.kill();
  rmSync(directory, { recursive: true });
});

const run = async (...argv: string[]) => {
  const { exitCode, stderr } = await half.help("exec", { argv, timeoutMs: 10_000 });
  expect(exitCode, stderr).toBe(0);
};

test("what is not mounted, or is something else, is refused before anything is written", async () => {
  expect(await failure(half.check(volume, {}))).toMatchObject({ code: "VOLUME_MISSING" });
  expect(await half.verify(volume, grant("agent-a", 1n))).toMatchObject({ mounted: false });
  await run("mount", "-t", "tmpfs", "filer:/exports/other", mountPath);
  expect(await failure(half.mount(volume, {}, grant("agent-a", 1n)))).toMatchObject({ code: "IDENTITY_MISMATCH" });
  expect(await half.help("list", { path: mountPath })).toEqual([]);
  await run("umount", mountPath);
});

test("mounted by the operator it is verified, synced, and left mounted", async () => {
  await run("mount", "-t", "tmpfs", SOURCE, mountPath);
  await half.mount(volume, {}, grant("agent-a", 1n));
  await half.help("mark", { path: mountPath, service: "orders-db", role: "data" });
  expect(await half.verify(volume, grant("agent-a", 1n))).toMatchObject({
    mounted: true,
    source: SOURCE,
    locking: "unknown",
    mark: { service: "orders-db" },
  });
  expect((await half.metrics(volume)).spaceFreeBytes).toBeGreaterThan(0);
  await half.unmount(volume);
  expect((await half.mounts()).some((mount) => mount.mountPoint === mountPath)).toBe(true);
  expect(await half.cut(volume)).toMatchObject({ kind: "cut", evidence: expect.stringContaining("syncfs") });
  await run("mount", "-o", "remount,ro", mountPath);
  expect(await failure(half.verify(volume, grant("agent-a", 1n)))).toMatchObject({ code: "VOLUME_READ_ONLY" });
  await run("mount", "-o", "remount,rw", mountPath);
});

test("the operator's commands fence, and their status is the receipt", async () => {
  const former = { agent: "agent-a", epoch: 1n, bootId: null };
  for (const _ of [1, 2]) {
    expect(await strategy.fence(op, volume, former, grant("agent-b", 2n))).toMatchObject({
      fencedEpoch: 1n,
      byEpoch: 2n,
      evidence: "agent-a 2 refused at 192.0.2.1",
    });
  }
  expect(await strategy.observe(op, volume)).toMatchObject({ fenced: ["agent-a"], recorded: null });
  expect(await failure(strategy.attach(op, volume, "agent-a", grant("agent-a", 3n)))).toMatchObject({ code: "DENIED" });
  expect(await failure(strategy.fence(op, volume, former, grant("agent-b", 1n)))).toMatchObject({
    code: "STALE_EPOCH",
  });
  for (const _ of [1, 2]) await strategy.unfence(op, volume, "agent-a");
  expect(await strategy.observe(op, volume)).toMatchObject({ fenced: [] });
});

test("a fence whose status does not show it is no fence", async () => {
  writeFileSync(hook, HOOK.replace('>> "$state"', "> /dev/null"), { mode: 0o755 });
  const former = { agent: "agent-a", epoch: 1n, bootId: null };
  expect(await failure(strategy.fence(op, volume, former, grant("agent-b", 4n)))).toMatchObject({
    code: "UNKNOWN_OUTCOME",
  });
});
