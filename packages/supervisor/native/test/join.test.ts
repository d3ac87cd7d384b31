// A tree inside another one: what it sees of the other's mounts, and that it ends with it whatever is stopped.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allGone, isRoot, type Supervised, scratch, started, stateOf, supervise, until } from "./harness.js";

/** An outer tree with a mount of its own, and an inner one that looks at it. */
async function nested(command: readonly string[]): Promise<{ outer: Supervised; inner: Supervised; path: string }> {
  const path = join(scratch(), "volume");
  mkdirSync(path);
  const script = `mount -t tmpfs none ${path} && echo inside >${path}/file && echo mounted && exec sleep 1000`;
  const outer = await supervise({ options: ["--tree", "pid-namespace"], command: ["sh", "-c", script] });
  await started(outer);
  await until("the mount", () => outer.stdout().includes("mounted"));
  const { initPid, startTicks } = outer.hello;
  const inner = await supervise({ options: ["--join", `${initPid}:${startTicks}`], command });
  return { outer, inner, path };
}

test.runIf(isRoot)(
  "a joined tree has the other's mounts, a PID namespace of its own and the working directory",
  async () => {
    const { outer, inner, path } = await nested(["sh", "-c", 'echo "$$ $(pwd)"; exec sleep 1000']);
    expect(inner.hello.tree).toBe("pid-namespace");
    const pid = await started(inner);
    const [own, directory] = (await until("its words", () => inner.stdout().includes("\n") && inner.stdout()))
      .trim()
      .split(" ");
    expect(Number(own)).toBeLessThan(10);
    expect(directory).toBe(process.cwd());
    expect(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).toContain(path);
    expect(readFileSync(`/proc/${pid}/root${path}/file`, "utf8")).toBe("inside\n");
    // Neither this process nor anybody else of the machine sees the mount.
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(path);
    inner.send("kill");
    await inner.expect("gone");
    expect(stateOf(outer.hello.initPid)).not.toBeUndefined();
  },
);

test.runIf(isRoot)("it ends with the other tree, also when its own sentry and init are stopped", async () => {
  const { outer, inner } = await nested(["sleep", "1000"]);
  const pid = await started(inner);
  // Both have it, as in a run: the outer init is not gone before somebody has reaped the inner one.
  const deadline = outer.bootNsIn(300);
  for (const tree of [inner, outer]) {
    tree.send(`deadline ${deadline}`);
    await tree.expect(`alive ${deadline}`);
  }
  for (const stopped of [inner.pid, inner.hello.initPid, outer.pid]) process.kill(stopped, "SIGSTOP");
  await allGone([pid, inner.hello.initPid, outer.hello.initPid]);
});

test.runIf(isRoot)("another process with that number is not joined", async () => {
  const outer = await supervise({ options: ["--tree", "pid-namespace"], command: ["sleep", "1000"] });
  const { initPid, startTicks } = outer.hello;
  await expect(
    supervise({ options: ["--join", `${initPid}:${startTicks + 1}`], command: ["sleep", "1"] }),
  ).rejects.toThrow(/cannot%20join|No%20such%20process/);
});
