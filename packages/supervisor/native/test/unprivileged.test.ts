// What is left without root, and without user namespaces: which tree `auto` becomes, and what it can do.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  allGone,
  asNobody,
  confined,
  encode,
  finalOutput,
  isLive,
  isRoot,
  scratch,
  started,
  supervise,
} from "./harness.js";

test("an ordinary user gets a PID namespace inside a user namespace, where allowed", async () => {
  const tree = await supervise({
    command: ["sh", "-c", "echo $$; id -u; cat /proc/1/comm; grep CapEff /proc/self/status"],
    ...(isRoot ? { wrap: asNobody } : {}),
  });
  expect(tree.hello).toMatchObject({ tree: "user-pid-namespace", mountProc: "yes" });
  expect(tree.lines.some((line) => line.startsWith("error ") && line.includes("pid-namespace"))).toBe(true);
  const hostPid = await started(tree);
  expect(await tree.expect("exit ")).toBe("exit code 0");
  const uid = isRoot ? execFileSync("id", ["-u", "nobody"], { encoding: "utf8" }).trim() : String(process.getuid?.());
  const [pid, seenUid, init, capabilities] = (await finalOutput(tree)).split("\n");
  expect([seenUid, init, capabilities]).toEqual([uid, "holdfast-init", "CapEff:\t0000000000000000"]);
  expect(Number(pid)).toBeLessThan(10);
  expect(hostPid).toBeGreaterThan(10);
});

test("another user cannot be had there, one's own can", async (context) => {
  context.skip(!isRoot, "needs root, to become nobody");
  const other = await supervise({ command: ["true"], wrap: asNobody, options: ["--uid", "0", "--gid", "0"] });
  other.send(`deadline ${other.bootNsIn(60_000)}`, "start");
  expect(await other.expect("exec ")).toMatch(/^exec (1|22) user/);
  const own = await supervise({ command: ["id", "-u"], wrap: asNobody, options: ["--uid", "65534", "--gid", "65534"] });
  await started(own);
  await own.expect("exit code 0");
  expect(await finalOutput(own)).toBe("65534\n");
});

test("root without CAP_SYS_ADMIN keeps all users there, so that the application can become another", async (context) => {
  context.skip(!isRoot, "needs root");
  const wrap = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
  const tree = await supervise({ command: ["id", "-u"], wrap, options: ["--uid", "65534", "--gid", "65534"] });
  expect(tree.hello.tree).toBe("user-pid-namespace");
  await started(tree);
  await tree.expect("exit code 0");
  expect(await finalOutput(tree)).toBe("65534\n");
});

test("a fork that fails is reported, and start may be tried again", async (context) => {
  context.skip(!isRoot, "needs root, to become a user who has no other process");
  const lonely = ["--reuid=61234", "--regid=61234", "--clear-groups", "prlimit"];
  const wrap = ["setpriv", ...lonely, "--nproc=2:3"];
  const tree = await supervise({ command: ["sleep", "1000"], wrap, options: ["--tree", "subreaper"] });
  tree.send(`deadline ${tree.bootNsIn(60_000)}`, "start", "step s true", "claim /x");
  expect(await tree.expect("exec ")).toMatch(/^exec 11 /);
  expect(await tree.expect("step s ")).toMatch(/^step s exec 11 /);
  expect(await tree.expect("claim ")).toMatch(/^claim error 11 /);
  execFileSync("setpriv", [...lonely, "--pid", String(tree.hello.initPid), "--nproc=3:3"]);
  tree.send("start");
  expect(isLive(Number((await tree.expect("started ")).split(" ")[1]))).toBe(true);
});

test("where no PID namespace can be had at all, auto becomes a subreaper and says why", async (context) => {
  context.skip(!isRoot, "needs root, to give every right up");
  const tree = await supervise({ command: ["sh", "-c", "exec sleep 1000"], wrap: confined });
  expect(tree.hello).toMatchObject({ tree: "subreaper", mountProc: "no" });
  const pid = await started(tree);
  expect(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[1]).toBe(String(tree.hello.initPid));
  const why = await tree.expect("error not");
  expect(why).toContain("pid-namespace");
  expect(why).toContain("user-pid-namespace");
  tree.send("signal 15");
  expect(await tree.expect("exit ")).toBe("exit signal 15");
});

test("asked for a PID namespace that cannot be had, it starts nothing and says why", async (context) => {
  context.skip(!isRoot, "needs root, to give every right up");
  await expect(supervise({ command: ["true"], wrap: confined, options: ["--tree", "pid-namespace"] })).rejects.toThrow(
    /no%20kind%20of%20tree/,
  );
});

test("without a PID namespace the application dies with the init even after it changed its user", async (context) => {
  context.skip(!isRoot, "changing the user needs root");
  const tree = await supervise({
    command: ["sleep", "1000"],
    options: ["--tree", "subreaper", "--uid", "65534", "--gid", "65534"],
  });
  const pid = await started(tree);
  expect(readFileSync(`/proc/${pid}/status`, "latin1")).toContain("Uid:\t65534\t65534\t65534\t65534");
  // The sentry is stopped, so that only the kernel's parent death signal can end the application.
  process.kill(tree.pid, "SIGSTOP");
  process.kill(tree.hello.initPid, "SIGKILL");
  await allGone([pid]);
});

test("mounts made by a step stay inside, and unmounts outside reach the tree", async (context) => {
  context.skip(!isRoot, "mounting needs root");
  // In a mount namespace of its own whose mounts are shared, as systemd makes them; nothing here touches the machine's.
  const base = scratch();
  const inner = join(base, "inner");
  mkdirSync(inner);
  const shared = ["unshare", "--mount", "--propagation", "shared", "--"];
  const tree = await supervise({ command: ["true"], wrap: shared });
  const visible = `grep -c ${encode(inner)} /proc/$$/mountinfo`;
  tree.send(`deadline ${tree.bootNsIn(60_000)}`, `step m mount -t tmpfs none ${encode(inner)}`);
  expect(await tree.expect("step m ")).toBe("step m exit 0");
  tree.send(`step seen sh -c ${encode(visible)}`);
  expect(await tree.expect("step seen ")).toBe("step seen exit 0");
  expect(readFileSync(`/proc/${tree.pid}/mountinfo`, "latin1")).not.toContain(inner);
  const enter = (...args: string[]): string =>
    execFileSync("nsenter", [`--mount=/proc/${tree.pid}/ns/mnt`, ...args], { encoding: "utf8" });
  enter("mount", "-t", "tmpfs", "outer", base);
  tree.send("step in grep -q outer /proc/mounts");
  expect(await tree.expect("step in ")).toBe("step in exit 0");
  enter("umount", base);
  tree.send("step out grep -q outer /proc/mounts");
  expect(await tree.expect("step out ")).toBe("step out exit 1");
});
