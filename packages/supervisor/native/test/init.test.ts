import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  binary,
  commandOf,
  encode,
  finalOutput,
  isLive,
  isRoot,
  processesOf,
  processesWith,
  scratch,
  started,
  stateOf,
  supervise,
  until,
} from "./harness.js";

const trees = ["pid-namespace", "subreaper"] as const;

test("says hello with what the tree became, and a pid and start time that identify the init", async () => {
  const tree = await supervise({ command: ["true"] });
  expect(tree.hello.tree).toBe(isRoot ? "pid-namespace" : expect.stringMatching(/^(user-pid-namespace|subreaper)$/));
  const stat = readFileSync(`/proc/${tree.hello.initPid}/stat`, "latin1");
  expect(stat.split(") ")[1]?.split(" ")[19]).toBe(String(tree.hello.startTicks));
  expect(readFileSync(`/proc/${tree.hello.initPid}/comm`, "latin1")).toBe("holdfast-init\n");
  expect(stat.split(") ")[1]?.split(" ")[1]).toBe(String(tree.pid));
  const aheadNs = process.hrtime.bigint() - tree.hello.monoNs;
  expect(aheadNs).toBeGreaterThanOrEqual(0n);
  expect(aheadNs).toBeLessThan(10_000_000_000n);
});

test("starts nothing before a deadline was set", async () => {
  const mark = join(scratch(), "ran");
  const tree = await supervise({ command: ["touch", mark] });
  tree.send("start", `step s1 touch ${encode(mark)}`, "deadline soon", "deadline", "deadline -1", "start");
  await until("both starts refused", () => tree.lines.filter((line) => line === "refused no-deadline").length === 2);
  expect(await tree.expect("step s1")).toBe("step s1 refused no-deadline");
  expect(tree.lines.filter((line) => line.startsWith("error deadline")).length).toBe(3);
  expect(existsSync(mark)).toBe(false);
});

test("at or after the deadline nothing starts: in a namespace the kernel ends the tree before it could", async () => {
  const mark = join(scratch(), "ran");
  const tree = await supervise({ command: ["touch", mark] });
  tree.send("deadline 1", "start", `step s1 touch ${encode(mark)}`);
  expect(await tree.ended).toEqual({ code: null, signal: "SIGKILL" });
  await until("the init gone", () => !isLive(tree.hello.initPid));
  expect(existsSync(mark)).toBe(false);
});

test("start is refused at the deadline, and what is unread then is never carried out", async () => {
  // Only a subreaper lives on for some milliseconds after the deadline; in them its refusal can be seen. It is stopped
  // while the commands arrive. Whether it gets to answer before the sentry ends it is open each time, that nothing
  // runs is not.
  const mark = join(scratch(), "ran");
  let refusals = 0;
  for (let round = 0; round < 20; round++) {
    const tree = await supervise({ command: ["touch", mark], options: ["--tree", "subreaper"] });
    process.kill(tree.hello.initPid, "SIGSTOP");
    await until("init stopped", () => stateOf(tree.hello.initPid) === "T");
    tree.send(`deadline ${tree.bootNsIn(0)}`, "start", `step late touch ${encode(mark)}`, "deadline soon");
    await tree.expect("error deadline"); // said by the sentry, which has relayed the rest by then
    if (isLive(tree.hello.initPid)) process.kill(tree.hello.initPid, "SIGCONT");
    await tree.ended;
    await until("everything ended", () => !isLive(tree.hello.initPid));
    refusals += Number(tree.lines.includes("refused deadline") && tree.lines.includes("step late refused deadline"));
    expect(tree.lines.some((line) => /^(started|step late exit)/.test(line))).toBe(false);
  }
  expect(refusals).toBeGreaterThan(0);
  expect(existsSync(mark)).toBe(false);
});

test.each(trees)("runs the application with exact argv and environment (%s)", async (kind) => {
  const awkward = ["", " ", "a b", "%20", "ü\n", "'\"$(x)\\", "-"];
  const script = "process.stdout.write(JSON.stringify([process.argv.slice(1), process.env.HF_A, process.env.HF_B]))";
  const tree = await supervise({
    command: [process.execPath, "-e", script, "--", ...awkward],
    options: ["--tree", kind],
    env: { ...process.env, HF_A: "inherited", HF_B: "old" },
  });
  tree.send(`env ${encode("HF_B=new = ü\n")}`);
  const pid = await started(tree);
  expect(pid).toBeGreaterThan(1);
  expect(await tree.expect("exit ")).toBe("exit code 0");
  expect(await tree.expect("left ")).toBe("left 0");
  expect(JSON.parse(await finalOutput(tree))).toEqual([awkward, "inherited", "new = ü\n"]);
});

test("reports exit codes and signals exactly, starts once only, and says gone after kill", async () => {
  const coded = await supervise({ command: ["sh", "-c", "exit 43"] });
  await started(coded);
  expect(await coded.expect("exit ")).toBe("exit code 43");
  coded.send("start", "signal 15");
  await coded.expect("refused started");
  await coded.expect("error signal");
  coded.send("kill", "kill");
  expect(await coded.ended).toEqual({ code: 0, signal: null });
  expect(coded.lines.at(-1)).toBe("gone");

  const signalled = await supervise({ command: ["sleep", "1000"] });
  const pid = await started(signalled);
  expect(commandOf(pid)).toBe("sleep\x001000\x00");
  signalled.send("signal 0", "signal 99", "signal 12");
  expect(await signalled.expect("exit ")).toBe("exit signal 12");
  expect(signalled.lines.filter((line) => line.startsWith("error signal")).length).toBe(2);
});

test("tells a command that is missing from one that cannot be executed, and never falls back to a shell", async () => {
  const directory = scratch();
  writeFileSync(join(directory, "no-format"), "exit 0\n", { mode: 0o755 });
  writeFileSync(join(directory, "no-right"), "#!/bin/sh\n", { mode: 0o644 });
  for (const [command, reply] of [
    ["holdfast-no-such-command", /^exec 2 /],
    [join(directory, "no-right"), /^exec 13 /],
    [join(directory, "no-format"), /^exec 8 /],
    [directory, /^exec 13 /],
    ["", /^exec 2 /],
  ] as const) {
    const tree = await supervise({ command: [command] });
    tree.send(`deadline ${tree.bootNsIn(60_000)}`, "start", "start");
    expect(await tree.expect("exec ")).toMatch(reply);
    await tree.expect("refused started");
    tree.send("kill");
    await tree.ended;
    expect(tree.lines.filter((line) => /^(started|exit)/.test(line))).toEqual([]);
  }
});

test("runs steps side by side, with output on the step descriptor, and kills one with its group", async () => {
  const tree = await supervise({ command: ["true"] });
  tree.send(
    `deadline ${tree.bootNsIn(60_000)}`,
    `step one sh -c ${encode("cat; echo out; sleep 0.1; exit 3")}`,
    `step two sh -c ${encode("sleep 1000 & sleep 1000; true")}`,
    "step two true",
    "step three /nonexistent/program",
    "step four",
    `step ${"x".repeat(200)} true`,
  );
  expect(await tree.expect("step one")).toBe("step one exit 3");
  await until("its output", () => tree.stepOutput() === "out\n");
  expect(await tree.expect("step three")).toMatch(/^step three exec 2 /);
  await tree.expect("step two refused duplicate");
  await tree.expect("step four refused no-program");
  await tree.expect("error step");
  const group = await processesOf(tree, 3); // the shell and both sleeps
  tree.send("step-kill two", "step-kill nobody");
  await tree.expect("step two signal 9");
  await tree.expect("error step-kill");
  await until("the whole group gone", () => !group.some(isLive));
});

test.each(trees)("takes the claim, reports it held, and the tree keeps it until it is gone (%s)", async (kind) => {
  const claim = join(scratch(), "claim");
  const held = (): boolean => spawnSync("flock", ["-n", claim, "true"]).status === 1;
  const holder = await supervise({ command: ["sleep", "1000"], options: ["--tree", kind] });
  holder.send(`claim ${encode(claim)}`);
  expect(await holder.expect("claim error")).toMatch(/^claim error 2 /);
  closeSync(openSync(claim, "w"));
  expect(held()).toBe(false);
  holder.send(`claim ${encode(claim)}`, `claim ${encode(claim)}`);
  await holder.expect("claim ok");
  expect(held()).toBe(true);
  expect(await until("the second refused", () => holder.lines.find((line) => line.startsWith("claim error 16"))));

  const other = await supervise({ command: ["true"] });
  other.send(`claim ${encode(claim)}`);
  expect(await other.expect("claim ")).toBe("claim held");

  // The application has inherited it: it outlives the init's own copy, and ends with the last process of the tree.
  const pid = await started(holder);
  const links = execFileSync("ls", ["-l", `/proc/${pid}/fd`], { encoding: "utf8" });
  expect(links).toContain(claim);
  holder.send("unclaim", "step sync true");
  await holder.expect("step sync exit 0");
  expect(held()).toBe(true);
  holder.send("kill");
  expect((await holder.ended).code).toBe(0);
  expect(held()).toBe(false);
  other.send(`claim ${encode(claim)}`);
  await other.expect("claim ok");
});

test("refuses a claim that is a link, a directory or a pipe", async () => {
  const directory = scratch();
  execFileSync("sh", ["-c", "touch file; ln -s file link; mkfifo pipe"], { cwd: directory });
  const tree = await supervise({ command: ["true"] });
  for (const [name, number] of [
    ["link", 40],
    [".", 21],
    ["pipe", 22],
  ] as const) {
    const before = tree.lines.length;
    tree.send(`claim ${encode(join(directory, name))}`);
    const answer = await until("an answer", () => tree.lines.slice(before).find((line) => line.startsWith("claim ")));
    expect(answer).toMatch(new RegExp(`^claim error ${number} `));
  }
});

test.each(trees)(
  "gives the application three descriptors, default signals and a group of its own (%s)",
  async (kind) => {
    const script = "grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status; ls /proc/$$/fd; cut -d' ' -f5 /proc/$$/stat; echo $$";
    const tree = await supervise({ command: ["bash", "-c", `ulimit -n; ${script}`], options: ["--tree", kind] });
    await started(tree);
    await tree.expect("exit code 0");
    const zeros = "0000000000000000";
    const [, blocked, ignored, , ...rest] = (await finalOutput(tree)).split("\n");
    expect([blocked, ignored]).toEqual([`SigBlk:\t${zeros}`, `SigIgn:\t${zeros}`]);
    const pid = rest.at(-2);
    expect(
      rest
        .slice(0, -3)
        .map(Number)
        .filter((fd) => fd !== 255),
    ).toEqual([0, 1, 2]); // 255 is bash's own
    expect(rest.at(-3)).toBe(pid);
  },
);

test("descriptors that the guard leaks, or leaves closed, do not reach the application", async () => {
  const wrap = ["sh", "-c", 'exec 7</dev/null 9</dev/zero; exec "$@" <&- >&- 2>&-', "sh"];
  const tree = await supervise({ wrap, command: ["sleep", "1000"] });
  const pid = await started(tree);
  const links = (of: number): string[] =>
    execFileSync("sh", ["-c", `cd /proc/${of}/fd && for fd in *; do echo $fd $(readlink $fd); done`], {
      encoding: "utf8",
    })
      .split("\n")
      .filter(Boolean);
  expect(links(pid)).toEqual(["0 /dev/null", "1 /dev/null", "2 /dev/null"]);
  expect(links(tree.pid).some((link) => link.includes("/dev/zero"))).toBe(false);
});

test("reaps orphans", async () => {
  const tree = await supervise({
    command: ["sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.3 &); done; exec sleep 1000"],
  });
  await started(tree);
  const orphans = await until("five orphans", () => {
    const pids = processesWith(tree.marker).filter((pid) => commandOf(pid) === "sleep\x000.3\x00");
    return pids.length === 5 && pids;
  });
  await until("not even zombies left", () => orphans.every((pid) => stateOf(pid) === undefined));
});

test.each(["auto", "off"])(
  "counts what the application leaves behind, and the guard decides (/proc %s)",
  async (proc) => {
    const command = ["sh", "-c", "sleep 1000 & (setsid sleep 1000 &) ; exit 5"];
    const tree = await supervise({ command, options: ["--mount-proc", proc] });
    expect(tree.hello.mountProc).toBe(proc === "auto" ? "yes" : "no");
    await started(tree);
    expect(await tree.expect("exit ")).toBe("exit code 5");
    expect(await tree.expect("left ")).toBe("left 2");
    const left = await processesOf(tree, 2);
    tree.send("kill");
    await tree.expect("gone");
    expect(left.filter(isLive)).toEqual([]);
  },
);

test("survives malformed and over-long lines, and a line in many pieces", async () => {
  const tree = await supervise({ command: ["true"] });
  const bad = ["", "nonsense", "env NOEQUALS", "env %zz", "env A=%00", "claim", "claim %Z1", "a\0b"];
  tree.send(...bad, `env ${"z".repeat(1_200_000)}`, `deadline ${tree.bootNsIn(60_000)}`);
  const script = encode("console.log(process.argv.slice(1).join('').length)");
  tree.send(`step big ${process.execPath} -e ${script} ${Array(9).fill("y".repeat(100_000)).join(" ")}`);
  expect(await tree.expect("step big")).toBe("step big exit 0");
  await until("its output", () => tree.stepOutput() === "900000\n");
  expect(tree.lines.filter((line) => line.startsWith("error ")).length).toBe(bad.length + 1);
  expect(tree.lines.filter((line) => line.includes("too%20long")).length).toBe(2);
});

test("a guard that does not read keeps nobody from reaping or from the deadline", async () => {
  const tree = await supervise({ command: ["sh", "-c", "(sleep 0.2 &); sleep 0.1; exec sleep 1000"] });
  await started(tree);
  tree.process.stdio[3]?.removeAllListeners("data");
  (tree.process.stdio[3] as import("node:net").Socket).pause();
  // 60 000 diagnostics of some 60 bytes each: more than the socket and both queues hold.
  for (let round = 0; round < 60; round++) tree.send(...Array(1000).fill("nonsense-command-with-a-long-name"));
  const survivors = await processesOf(tree, 1); // the orphan has been reaped
  tree.send(`deadline ${tree.bootNsIn(500)}`);
  await until("all gone at the deadline", () => !survivors.some(isLive) && !isLive(tree.pid));
});

test("kill and deadline are heard while the init is stopped and its queue is full", async () => {
  const tree = await supervise({ command: ["sleep", "1000"] });
  const pid = await started(tree);
  process.kill(tree.hello.initPid, "SIGSTOP");
  await until("init stopped", () => stateOf(tree.hello.initPid) === "T");
  for (let round = 0; round < 40; round++) tree.send(`env FILL=${"x".repeat(100_000)}`);
  expect(await tree.expect("error the")).toContain("dropped");
  tree.send("kill");
  expect((await tree.ended).code).toBe(0);
  expect(isLive(pid)).toBe(false);
});

test("changes to another user for the application alone", async (context) => {
  context.skip(!isRoot, "needs root");
  const tree = await supervise({
    command: ["sh", "-c", "id -u; id -g; id -G; grep -E 'Cap(Prm|Eff)' /proc/self/status"],
    options: ["--uid", "65534", "--gid", "65534", "--groups", "7,8"],
  });
  tree.send(`deadline ${tree.bootNsIn(60_000)}`, `step who id -u`, "start");
  await tree.expect("exit code 0");
  await tree.expect("step who exit 0");
  const none = "0000000000000000";
  expect(await finalOutput(tree)).toBe(`65534\n65534\n65534 7 8\nCapPrm:\t${none}\nCapEff:\t${none}\n`);
  expect(tree.stepOutput()).toBe("0\n");
});

test("bad usage is refused with 64 and the reason on stderr", () => {
  const stdio = ["ignore", "pipe", "pipe", "pipe", "pipe"] as const;
  for (const args of [
    [],
    ["nonsense"],
    ["supervise"],
    ["supervise", "--"],
    ["supervise", "--tree", "none", "--", "x"],
    ["supervise", "--uid", "1", "--", "x"],
    ["supervise", "--uid", "-1", "--gid", "1", "--", "x"],
    ["supervise", "--control-fd", "1", "--", "x"],
    ["supervise", "--control-fd", "77", "--", "x"],
    ["version", "x"],
    ["volume-read"],
  ]) {
    const { status, stdout, stderr } = spawnSync(binary, args, { stdio: [...stdio], encoding: "utf8" });
    expect([args, status, stdout]).toEqual([args, 64, ""]);
    expect(stderr).toContain("usage: holdfast-init");
  }
  expect(spawnSync(binary, ["supervise", "--", "x"], { stdio: ["ignore", "ignore", "ignore"] }).status).toBe(64);
  expect(JSON.parse(execFileSync(binary, ["version"], { encoding: "utf8" }))).toMatchObject({
    name: "holdfast-init",
    protocol: 1,
  });
});
