import { createFakeOp } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { createDistributedFsStrategy } from "./strategy.js";

const strategy = createDistributedFsStrategy();
const volumeOf = (options: Record<string, unknown>) => ({
  service: "orders",
  role: "data",
  mountPath: "/srv/orders",
  diskMiB: null,
  options,
});
const GLUSTER = { type: "glusterfs", servers: ["a", "b", "c"], volume: "v1" };
const CONTROL = { kind: "command", command: ["gluster"] };
const grant = {
  service: "orders",
  epoch: 2n,
  run: "00000000-0000",
  agent: "b",
  signal: new AbortController().signal,
};
const former = { agent: "a", epoch: 1n, bootId: null };

test("promises a fence only where it can administer the servers", () => {
  expect(strategy.capabilities(volumeOf(GLUSTER))).toMatchObject({ fences: false, declaredGrade: "lease-only" });
  expect(strategy.capabilities(volumeOf({ ...GLUSTER, control: CONTROL }))).toMatchObject({
    fences: true,
    declaredGrade: "storage-fenced",
    cut: "with-tree",
  });
  expect(strategy.explain(volumeOf({ ...GLUSTER, control: [CONTROL] })).commands.fence?.[0]).toContain("auth.reject");
  expect(strategy.explain(volumeOf(GLUSTER)).commands.fence).toBeUndefined();
});

test("Lustre is experimental, whatever is configured", () => {
  const volume = volumeOf({
    type: "lustre",
    servers: ["10.0.0.1@tcp", "10.0.0.2@tcp"],
    fileSystem: "lfs",
    control: [CONTROL],
  });
  expect(strategy.capabilities(volume)).toMatchObject({
    fences: false,
    declaredGrade: "lease-only",
    cut: "after-sync",
  });
  expect(strategy.proof(volume)).toBeNull();
  const { statements, commands } = strategy.explain(volume);
  expect(statements[0]).toMatch(/^Experimental/);
  expect(commands.mount).toEqual(["mount -t lustre -o flock 10.0.0.1@tcp:10.0.0.2@tcp:/lfs /srv/orders"]);
});

test("names the option that is wrong", () => {
  expect(() => strategy.capabilities(volumeOf({ ...GLUSTER, servers: [] }))).toThrow(
    expect.objectContaining({ code: "INVALID_SPEC", detail: { path: "options.servers" } }),
  );
});

test("without administration a fence is refused, and nothing is run", async () => {
  const op = createFakeOp();
  await expect(strategy.fence(op, volumeOf(GLUSTER), former, grant)).rejects.toMatchObject({ code: "UNFENCEABLE" });
  expect(op.execCalls).toEqual([]);
});

const info = (options: Record<string, string>) => `<cliOutput><opRet>0</opRet><volInfo><volumes><volume><name>v1</name>
  <statusStr>Started</statusStr><replicaCount>1</replicaCount><disperseCount>0</disperseCount>
  <bricks><brick uuid="x">a:/b<name>a:/b</name></brick></bricks>
  <options>${Object.entries(options)
    .map(([name, value]) => `<option><name>${name}</name><value>${value}</value></option>`)
    .join("")}</options></volume></volumes></volInfo></cliOutput>`;

test("a server cannot be fenced off its own volume", async () => {
  const options = { ...GLUSTER, control: CONTROL, agents: { a: "10.0.0.1" } };
  const op = createFakeOp({ exec: () => ({ stdout: info({}).replaceAll("a:/b", "10.0.0.1:/b") }) });
  await expect(strategy.fence(op, volumeOf(options), former, grant)).rejects.toMatchObject({ code: "UNFENCEABLE" });
  expect(op.execCalls.some(({ args }) => args.includes("set"))).toBe(false);
});

test("an agent that the servers still refuse is not attached", async () => {
  const op = createFakeOp({ exec: () => ({ stdout: info({ "auth.reject": "10.0.0.2" }) }) });
  const options = { ...GLUSTER, control: CONTROL, agents: { b: "10.0.0.2" } };
  await expect(strategy.attach(op, volumeOf(options), "b", grant)).rejects.toMatchObject({ code: "BUSY" });
});

test("asks the next administration target when one does not answer as gluster does", async () => {
  const op = createFakeOp({
    exec: ({ command }) =>
      command === "gluster-1" ? { exitCode: 1, stdout: "Connection failed." } : { stdout: info({}) },
  });
  const control = [
    { kind: "command", command: ["gluster-1"] },
    { kind: "command", command: ["gluster-2"] },
  ];
  expect(await strategy.observe(op, volumeOf({ ...GLUSTER, control }))).toMatchObject({ exists: true });
});
