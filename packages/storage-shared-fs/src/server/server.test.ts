import type { Grant } from "@holdfast/core";
import { createFakeOp, type ExecCall } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { createSharedFsStrategy } from "../strategy.js";
import { parseHookStatus } from "./hook-controller.js";
import { judgeGaneshaServer, judgeKernelServer } from "./judge-server.js";
import { KERNEL_APPLY, KERNEL_READ, SCRIPT_EXIT } from "./scripts.js";
import { parseSections } from "./sections.js";

const strategy = createSharedFsStrategy();
const grant = (agent: string, epoch: bigint): Grant => {
  return { service: "orders-db", epoch, run: "run-1", agent, signal: new AbortController().signal };
};
const volume = {
  service: "orders-db",
  role: "data",
  mountPath: "/srv/orders-db",
  diskMiB: null,
  options: {
    source: "filer:/exports/one",
    server: { kind: "kernel", control: { kind: "command", command: ["env"] } },
    agents: { a: ["192.0.2.1", "2001:db8::1"], b: "192.0.2.2" },
  },
};
const former = { agent: "a", epoch: 1n, bootId: null };

/** A server in memory that keeps the file and does what the scripts say, down to their exit codes. */
function fakeServer(further: { exports?: string; racing?: number; busy?: boolean } = {}) {
  let file: string | null = null;
  let version = 0;
  let racing = further.racing ?? 0;
  const applied: string[][] = [];
  const token = () => (file === null ? "absent" : `sum-${version}`);
  const tables = () => `@@ exports\n${further.exports ?? ""}\n@@ clients\n@@ locks\n`;
  const exec = ({ args, options }: ExecCall) => {
    const [, , script, , ...words] = args;
    if (script === KERNEL_READ) {
      return { stdout: `@@ token\n${token()}\n@@ directory\npresent\n@@ file\n${file ?? ""}\n${tables()}` };
    }
    expect(script).toBe(KERNEL_APPLY);
    if (further.busy === true) return { exitCode: SCRIPT_EXIT.LOCKED };
    if (racing > 0) {
      racing -= 1;
      return { exitCode: SCRIPT_EXIT.CHANGED };
    }
    expect(words[1]).toBe(token());
    file = String(options.input);
    version += 1;
    applied.push([...words]);
    return { stdout: tables() };
  };
  return { op: createFakeOp({ exec }), applied, file: () => file };
}

test("one agent's addresses are let in at a time, and a fence expires them", async () => {
  const server = fakeServer();
  await strategy.attach(server.op, volume, "a", grant("a", 1n));
  expect(server.file()).toContain("/exports/one 192.0.2.1(rw,sync,no_subtree_check,no_root_squash)\n");
  expect(server.file()).toContain("/exports/one [2001:db8::1](");
  expect(server.applied.at(-1)?.slice(-3)).toEqual(["192.0.2.2", "192.0.2.1 [2001:db8::1]", ""]);
  const receipt = await strategy.fence(server.op, volume, former, grant("b", 2n));
  expect(receipt).toMatchObject({ fencedEpoch: 1n, byEpoch: 2n, evidence: expect.stringContaining("exportfs -s") });
  expect(server.applied.at(-1)?.slice(-3)).toEqual([
    "192.0.2.1 [2001:db8::1] 192.0.2.2",
    "",
    "192.0.2.1 [2001:db8::1]",
  ]);
  expect(server.file()).not.toContain("(rw");
  expect(await strategy.observe(server.op, volume)).toMatchObject({ attachments: [], fenced: ["a"] });
});

test("an export that would still let the fenced agent in is no fence", async () => {
  const server = fakeServer({ exports: "/exports/one  192.0.2.0/24(sync,rw)" });
  await expect(strategy.fence(server.op, volume, former, grant("b", 2n))).rejects.toMatchObject({
    code: "UNFENCEABLE",
    detail: { client: "192.0.2.0/24" },
  });
});

test("a change in between is read again; one that never ends is given up", async () => {
  await strategy.attach(fakeServer({ racing: 2 }).op, volume, "a", grant("a", 1n));
  await expect(strategy.attach(fakeServer({ racing: 9 }).op, volume, "a", grant("a", 1n))).rejects.toMatchObject({
    code: "BUSY",
    retryable: true,
  });
  await expect(strategy.attach(fakeServer({ busy: true }).op, volume, "a", grant("a", 1n))).rejects.toMatchObject({
    code: "BUSY",
  });
});

test("an agent of whom no address is known is neither attached nor fenced", async () => {
  await expect(strategy.attach(fakeServer().op, volume, "c", grant("c", 1n))).rejects.toMatchObject({
    code: "INVALID_SPEC",
  });
});

test("a hook's status is read strictly", () => {
  expect(parseHookStatus("agent-a 7 refused\n\n")).toEqual([
    { agent: "agent-a", byEpoch: 7n, line: "agent-a 7 refused" },
  ]);
  expect(() => parseHookStatus("ok\n")).toThrow(expect.objectContaining({ code: "INTERNAL" }));
});

test("doctor names what the promise does not stand on", () => {
  const options = { lockLeaseMs: 15_000 } as Parameters<typeof judgeKernelServer>[2];
  const codes = (lease: string, exports: string) =>
    judgeKernelServer(parseSections(`@@ nfsv4leasetime\n${lease}\n@@ exports\n${exports}\n`), "/one", options)
      .filter(({ severity }) => severity !== "info")
      .map(({ code }) => code);
  expect(codes("10", "/one  192.0.2.1(sync,rw,no_root_squash)")).toEqual([]);
  expect(codes("90", "")).toEqual(["LOCK_LEASE"]);
  expect(codes("10", "/one  *(async,ro,root_squash)")).toEqual([
    "EXPORT_ASYNC",
    "EXPORT_READ_ONLY",
    "ROOT_SQUASH",
    "EXPORT_WIDE",
  ]);
  const ganesha = parseSections('@@ included\n%include "/f"\n@@ configuration\nNFSv4 {\n  Lease_Lifetime = 10;\n}\n');
  expect(judgeGaneshaServer(ganesha, "/f", options)).toEqual([expect.objectContaining({ severity: "info" })]);
  expect(judgeGaneshaServer(parseSections("@@ included\n"), "/f", options).map(({ code }) => code)).toEqual([
    "LOCK_LEASE",
    "NOT_INCLUDED",
  ]);
});
