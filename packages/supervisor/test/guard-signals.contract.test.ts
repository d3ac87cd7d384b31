import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Guarded, guard, isLive, nowMs, until } from "./support/harness.js";

async function running(spec: Parameters<typeof guard>[0] = {}): Promise<Guarded> {
  const run = guard(spec);
  await run.running();
  return run;
}

test("SIGTERM reaches the application once, and its exit code is ours", async () => {
  const run = await running({ modes: ["slow=100", "exit-on-term=5"] });
  run.process.kill("SIGTERM");
  expect(await run.ended).toMatchObject({ code: 5 });
  expect(run.events().slice(1)).toEqual(["SIGTERM", "end"]);
  expect(run.outcome().report).toMatchObject({ origin: "application", code: null, released: true });
});

test.each(["SIGINT", "SIGHUP", "SIGQUIT"] as const)(
  "%s begins the clean stop and is passed on as it is",
  async (signal) => {
    const run = await running();
    run.process.kill(signal);
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(run.events().slice(1)).toEqual([signal, "end"]);
  },
);

test("--stop-signal stands in for SIGTERM, from outside and from us", async () => {
  const run = await running({ config: { stopSignal: 2 } });
  run.process.kill("SIGTERM");
  await run.ended;
  expect(run.events().slice(1)).toEqual(["SIGINT", "end"]);
  const lost = await running({ config: { stopSignal: 3 } });
  lost.behave({ lost: "RECORD_MISSING" });
  expect(await lost.ended).toMatchObject({ code: 80 });
  expect(lost.events().slice(1)).toEqual(["SIGQUIT", "end"]);
});

test("a second signal shortens nothing, but reaches the application", async () => {
  const run = await running({ modes: ["slow=400"] });
  run.process.kill("SIGTERM");
  await until("the first", () => run.events().includes("SIGTERM"));
  const fromMs = nowMs();
  run.process.kill("SIGINT");
  await until("the second", () => run.events().includes("SIGINT"));
  await run.ended;
  expect(run.events().at(-1)).toBe("end");
  expect(nowMs() - fromMs).toBeGreaterThan(200);
});

test("an application that does not end within its budget is killed: 137, and the lease is given back", async () => {
  const run = await running({ modes: ["deaf"] });
  run.process.kill("SIGTERM");
  expect(await run.ended).toMatchObject({ code: 137 });
  expect(run.events().slice(1)).toEqual(["SIGTERM"]);
  expect(run.outcome().report).toMatchObject({ origin: "application", signal: "SIGKILL", released: true });
  expect(run.outcome().report.cause).toContain("did not stop within 500 ms");
});

test("other signals are passed on and end nothing", async () => {
  const run = await running();
  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
    run.process.kill(signal);
    await until(signal, () => run.events().includes(signal));
  }
  const count = run.beats().length;
  await until("it writes on", () => run.beats().length > count + 5);
  run.process.kill("SIGTERM");
  await run.ended;
});

test("SIGTERM to every process at the same moment, in any order: clean stop, released, exact exit code", async () => {
  const run = await running({ modes: ["slow=50", "exit-on-term=4"] });
  const application = Number(run.events()[0]?.split(" ")[1]);
  const hostPid = hostPidOf(run, application);
  const pids = [run.pid, run.lockPid(), run.sentryPid(), run.initPid(), hostPid].map((pid) => ({
    pid,
    order: Math.random(),
  }));
  for (const { pid } of pids.sort((a, b) => a.order - b.order)) process.kill(pid, "SIGTERM");
  expect(await run.ended).toMatchObject({ code: 4 });
  expect(run.outcome().report).toMatchObject({ origin: "application", released: true });
  expect(run.heard("release").at(0)?.state).toEqual({ kind: "released" });
  expect(isLive(run.initPid())).toBe(false);
});

test("a signal before the application executes is not lost", async () => {
  const run = guard({ modes: ["slow=10"] });
  await until("the lease is won", () => run.heard("history").length > 0);
  run.process.kill("SIGTERM");
  const { code } = await run.ended;
  // Before `start` it never ran; after it, node may not have installed its handler yet.
  expect([0, 143]).toContain(code);
  expect(run.outcome().report.released).toBe(true);
});

/** The application says its pid as its own namespace counts. */
function hostPidOf(run: Guarded, inner: number): number {
  const children = readFileSync(`/proc/${run.initPid()}/task/${run.initPid()}/children`, "latin1")
    .trim()
    .split(" ")
    .map(Number);
  const found = children.find((pid) =>
    new RegExp(`^NSpid:.*\\s${inner}$`, "m").test(readFileSync(`/proc/${pid}/status`, "latin1")),
  );
  if (found === undefined) throw new Error(`no process ${inner} under the init`);
  return found;
}
