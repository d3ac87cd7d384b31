import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isLive, isRoot, type Supervised, started, stateOf, supervise, until } from "./harness.js";

const kinds = (isRoot ? ["pid-namespace", "subreaper"] : ["subreaper"]).map((tree) => ({ tree }));

/** User and system time in hundredths of a second. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

const alive = (tree: Supervised): readonly string[] => tree.lines.filter((line) => line.startsWith("alive "));

test.each(kinds)(
  "answers each deadline with the one that is armed, and not while the init is stopped ($tree)",
  async (kind) => {
    const tree = await supervise({ command: ["sleep", "1000"], options: ["--tree", kind.tree] });
    await started(tree);
    const first = tree.bootNsIn(60_000);
    tree.send(`deadline ${first}`);
    await tree.expect(`alive ${first}`);
    process.kill(tree.hello.initPid, "SIGSTOP");
    await until("init stopped", () => stateOf(tree.hello.initPid) === "T");
    const second = tree.bootNsIn(70_000);
    const third = tree.bootNsIn(80_000);
    const answered = alive(tree).length;
    tree.send(`deadline ${second}`, `deadline ${third}`);
    // The sentry has read them when it answers a line that it cannot parse.
    tree.send("deadline soon");
    await tree.expect("error deadline");
    expect(alive(tree)).toHaveLength(answered);
    process.kill(tree.hello.initPid, "SIGCONT");
    await until(
      "both answered with the last",
      () => alive(tree).filter((line) => line === `alive ${third}`).length >= 2,
    );
  },
);

test.each(kinds)(
  "starts a replica without a deadline, arms one, lifts it, and ends at the next ($tree)",
  async (kind) => {
    const tree = await supervise({ command: ["sleep", "1000"], options: ["--tree", kind.tree] });
    tree.send("start-replica", "start-replica");
    const pid = Number((await tree.expect("started ")).split(" ")[1]);
    await tree.expect("refused started");
    const short = tree.bootNsIn(400);
    tree.send(`deadline ${short}`, "step promote true");
    expect(await tree.expect("step promote")).toBe("step promote exit 0");
    tree.send("deadline none"); // not with the step: a deadline overtakes what is on its way to the init
    await tree.expect("alive 0");
    await until("the lifted deadline is past", () => tree.bootNsIn(0) > short + 500_000_000n);
    expect([isLive(pid), isLive(tree.pid), isLive(tree.hello.initPid)]).toEqual([true, true, true]);
    expect(cpuTicks(tree.pid) + cpuTicks(tree.hello.initPid)).toBeLessThan(10); // nobody spins on an expired timer
    tree.send("step late true");
    expect(await tree.expect("step late")).toBe("step late refused no-deadline");
    tree.send(`deadline ${tree.bootNsIn(100)}`);
    await until("all gone at the deadline", () => ![pid, tree.pid, tree.hello.initPid].some(isLive));
  },
);

test("lifts no deadline of an application that was started under one, and starts no replica under one", async () => {
  const tree = await supervise({ command: ["sleep", "1000"] });
  const pid = await started(tree);
  tree.send("deadline none");
  await tree.expect("error deadline");
  tree.send(`deadline ${tree.bootNsIn(100)}`);
  await until("gone at the deadline", () => !isLive(pid) && !isLive(tree.pid));

  const other = await supervise({ command: ["sleep", "1000"] });
  other.send(`deadline ${other.bootNsIn(60_000)}`, "start-replica");
  expect(await other.expect("refused ")).toBe("refused deadline");
});
