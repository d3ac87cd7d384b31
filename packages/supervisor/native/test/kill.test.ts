// Every way to end a tree, in every kind of tree: judged from the processes themselves and from the log of a writer
// that has left its parent (other session, adopted by the init), which no process group and no terminal reaches.
import { existsSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  allGone,
  asNobody,
  isLive,
  isRoot,
  processesOf,
  processesWith,
  type SpawnOptions,
  type Supervised,
  scratch,
  started,
  stateOf,
  supervise,
  until,
  writer,
} from "./harness.js";

interface Kind {
  readonly tree: string;
  readonly needsRoot: boolean;
  readonly spec: Pick<SpawnOptions, "wrap" | "options">;
}

const kinds: Kind[] = [
  { tree: "pid-namespace", needsRoot: true, spec: { options: ["--tree", "pid-namespace"] } },
  {
    tree: "user-pid-namespace",
    needsRoot: false,
    spec: { options: ["--tree", "pid-namespace"], ...(isRoot ? { wrap: asNobody } : {}) },
  },
  { tree: "subreaper", needsRoot: false, spec: { options: ["--tree", "subreaper"] } },
].filter((kind) => isRoot || !kind.needsRoot);

interface Writing {
  readonly tree: Supervised;
  /** Application and daemon. */
  readonly pids: readonly number[];
  lastWriteNs(): bigint;
}

function lastStampNs(log: string): bigint {
  const stamps = readFileSync(log, "utf8").split("\n").filter(Boolean);
  return BigInt(stamps.at(-1) ?? 0);
}

/** A supervised application beside which a daemonised writer is at work. */
async function writing(kind: Kind, extra: Partial<SpawnOptions> = {}, deadlineMs = 60_000): Promise<Writing> {
  const log = join(scratch(), "log");
  const command = [process.execPath, writer, log, "daemon", "stay"];
  const tree = await supervise({ ...kind.spec, ...extra, command });
  expect(tree.hello.tree).toBe(kind.tree);
  const application = await started(tree, deadlineMs);
  await until("the daemon writes", () => existsSync(log) && readFileSync(log).length > 100);
  const pids = await processesOf(tree, 2);
  expect(pids).toContain(application);
  return { tree, pids, lastWriteNs: () => lastStampNs(log) };
}

const ends: Record<string, (tree: Supervised) => void> = {
  "the kill command": (tree) => tree.send("kill"),
  "SIGKILL of the sentry": (tree) => process.kill(tree.pid, "SIGKILL"),
  "SIGKILL of the init": (tree) => process.kill(tree.hello.initPid, "SIGKILL"),
  "SIGKILL of the guard": (tree) => tree.process.kill("SIGKILL"),
  "the guard closing the control socket": (tree) => void tree.process.stdin?.end(),
};

for (const kind of kinds)
  for (const [name, end] of Object.entries(ends))
    test(`${name} ends application and daemon (${kind.tree})`, async () => {
      const { tree, pids, lastWriteNs } = await writing(kind, { separateGuard: true });
      const fromNs = process.hrtime.bigint();
      end(tree);
      const goneNs = await allGone([...pids, tree.hello.initPid, tree.pid]);
      expect(lastWriteNs()).toBeLessThanOrEqual(goneNs);
      expect(goneNs - fromNs).toBeLessThan(2_000_000_000n);
      if (name === "the kill command" || name === "SIGKILL of the init") {
        await tree.expect("gone");
        await tree.expect("sentry ended 0");
      }
      expect(processesWith(tree.marker)).toEqual([]);
    });

test.each(kinds)("the guard's death ends the tree also while the sentry is stopped ($tree)", async (kind) => {
  const { tree, pids } = await writing(kind, { separateGuard: true });
  process.kill(tree.pid, "SIGSTOP");
  await until("sentry stopped", () => stateOf(tree.pid) === "T");
  tree.process.kill("SIGKILL");
  await allGone([...pids, tree.hello.initPid, tree.pid]);
});

const allStopped = (pids: readonly number[]): boolean => pids.every((pid) => stateOf(pid) === "T");

/** At the deadline and not before: judged from the writer's log, and from when its end was seen (by us, who may be late). */
function expectEndAt(deadlineNs: bigint, goneNs: bigint, lastWriteNs: bigint): string {
  const goneMs = Number(goneNs - deadlineNs) / 1e6;
  const lastWriteMs = Number(lastWriteNs - deadlineNs) / 1e6;
  expect(lastWriteMs).toBeGreaterThan(-500);
  expect(lastWriteMs).toBeLessThan(250);
  expect(goneMs).toBeGreaterThan(0);
  expect(goneMs).toBeLessThan(2_000);
  return `seen gone ${goneMs.toFixed(1)} ms after the deadline, last write ${lastWriteMs.toFixed(1)} ms`;
}

test.each(kinds)(
  "with sentry, init and guard stopped, the kernel ends the tree at the deadline ($tree)",
  async (kind) => {
    const { tree, pids, lastWriteNs } = await writing(kind, { separateGuard: true });
    const ours = [tree.process.pid ?? 0, tree.pid, tree.hello.initPid];
    const deadlineNs = process.hrtime.bigint() + 1_500_000_000n;
    tree.send(`deadline ${deadlineNs + tree.hello.bootNs - tree.hello.monoNs}`, "step armed true");
    await tree.expect("step armed exit 0");
    for (const pid of ours) process.kill(pid, "SIGSTOP");
    await until("all three stopped", () => allStopped(ours));
    expect(process.hrtime.bigint()).toBeLessThan(deadlineNs);
    const goneNs = await allGone(pids);
    expect(allStopped(ours.slice(0, 1))).toBe(true); // the guard never ran again
    console.log(`${kind.tree}: ${expectEndAt(deadlineNs, goneNs, lastWriteNs())}`);
  },
);

test.each(kinds)("ends at the deadline when nobody is stopped and nobody says anything ($tree)", async (kind) => {
  const { tree, pids, lastWriteNs } = await writing(kind, { separateGuard: true });
  const deadlineNs = process.hrtime.bigint() + 500_000_000n;
  tree.send(`deadline ${deadlineNs + tree.hello.bootNs - tree.hello.monoNs}`);
  const goneNs = await allGone([...pids, tree.hello.initPid, tree.pid]);
  expectEndAt(deadlineNs, goneNs, lastWriteNs());
});

test.each(kinds)("a deadline moved forward keeps the tree alive, moved back ends it earlier ($tree)", async (kind) => {
  const { tree, pids, lastWriteNs } = await writing(kind);
  const firstNs = process.hrtime.bigint() + 1_500_000_000n;
  const offsetNs = tree.hello.bootNs - tree.hello.monoNs;
  tree.send(`deadline ${firstNs + offsetNs}`, "step near true");
  await tree.expect("step near exit 0");
  tree.send(`deadline ${firstNs + offsetNs + 60_000_000_000n}`);
  await until("writes well after the first deadline", () => lastWriteNs() > firstNs + 500_000_000n);
  expect(pids.every(isLive)).toBe(true);
  const deadlineNs = process.hrtime.bigint() + 500_000_000n;
  tree.send(`deadline ${deadlineNs + offsetNs}`);
  expectEndAt(deadlineNs, await allGone(pids), lastWriteNs());
});

test.each(kinds)("a stopped application does not escape either ($tree)", async (kind) => {
  const { tree, pids } = await writing(kind);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  await until("stopped", () => allStopped(pids));
  tree.send("kill");
  await allGone([...pids, tree.hello.initPid]);
  expect((await tree.ended).code).toBe(0);
});

test.each(kinds)(
  "when the application's main process ends, a daemon left is counted and kill ends it ($tree)",
  async (kind) => {
    const log = join(scratch(), "log");
    const tree = await supervise({ ...kind.spec, command: [process.execPath, writer, log, "daemon"] });
    await started(tree);
    expect(await tree.expect("exit ")).toBe("exit code 7");
    expect(await tree.expect("left ")).toBe("left 1");
    const [daemon = 0] = await processesOf(tree, 1);
    tree.send("kill");
    expect((await tree.ended).code).toBe(0);
    expect(isLive(daemon)).toBe(false);
  },
);

test.each(kinds)(
  "TERM, INT, HUP and the like to all processes at once: only the application reacts ($tree)",
  async (kind) => {
    const names = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "TSTP", "TTIN", "TTOU", "PIPE", "ALRM", "IO"] as const;
    const traps = names.map((name) => `trap 'echo ${name}' ${name}`).join("; ");
    const tree = await supervise({
      ...kind.spec,
      command: ["sh", "-c", `${traps}; echo ready; while :; do sleep 0.01; done`],
    });
    const application = await started(tree);
    await until("traps set", () => tree.stdout() === "ready\n");
    for (const name of names) {
      for (const pid of [tree.pid, tree.hello.initPid, application]) process.kill(pid, `SIG${name}`);
      await until(`the trap for ${name}`, () => tree.stdout().endsWith(`${name}\n`));
    }
    expect(tree.stdout().split("\n").filter(Boolean)).toEqual(["ready", ...names]);
    tree.send("step alive true");
    await tree.expect("step alive exit 0");
    expect(isLive(tree.pid) && isLive(tree.hello.initPid)).toBe(true);
  },
);

test.each(kinds)("ends 500 children quickly ($tree)", async (kind) => {
  const script = "i=0; while [ $i -lt 500 ]; do sleep 1000 & i=$((i+1)); done; echo done; wait";
  const tree = await supervise({ ...kind.spec, command: ["sh", "-c", script] });
  const application = await started(tree);
  await until("all started", () => tree.stdout() === "done\n");
  const pids = await processesOf(tree, 501);
  expect(pids).toContain(application);
  const fromNs = process.hrtime.bigint();
  tree.send("kill");
  expect((await tree.ended).code).toBe(0);
  console.log(`${kind.tree}: kill to gone, 500 children: ${Number(process.hrtime.bigint() - fromNs) / 1e6} ms`);
  expect(pids.filter(isLive)).toEqual([]);
  expect(process.hrtime.bigint() - fromNs).toBeLessThan(2_000_000_000n);
});

test("subreaper: a sentry that is killed while it ends the tree leaves nobody behind", async () => {
  // As when the guard dies: the control socket closes a moment before the parent death signal comes, and the sentry
  // has begun to kill. The moments are spread over the first two milliseconds of that.
  for (let round = 0; round < 60; round++) {
    const command = ["sh", "-c", "setsid sleep 1000 & echo up; sleep 1000; true"];
    const tree = await supervise({ command, options: ["--tree", "subreaper"] });
    await started(tree);
    await until("the application runs", () => tree.stdout() === "up\n");
    const pids = await processesOf(tree, 3);
    const moment = performance.now() + (round % 20) / 10;
    (tree.process.stdio[3] as Socket).destroy();
    while (performance.now() < moment) await setImmediate();
    tree.process.kill("SIGKILL"); // or it is through already
    await allGone([...pids, tree.hello.initPid, tree.pid], 2_000);
  }
});

test("subreaper, and what it cannot do: sentry and init killed at once end the application, not its daemon", async () => {
  const [subreaper] = kinds.slice(-1);
  if (subreaper === undefined) throw new Error("no subreaper kind");
  const { tree, pids } = await writing(subreaper);
  process.kill(tree.hello.initPid, "SIGSTOP"); // so that it cannot act in between
  await until("init stopped", () => stateOf(tree.hello.initPid) === "T");
  process.kill(tree.hello.initPid, "SIGKILL");
  process.kill(tree.pid, "SIGSTOP");
  process.kill(tree.pid, "SIGKILL");
  await until("the application gone", () => pids.filter(isLive).length <= 1);
  await allGone([tree.pid, tree.hello.initPid]);
  expect(pids.filter(isLive).length).toBeLessThanOrEqual(1);
});
