// A lock process without a store: a real process that speaks the protocol and does what `behaviour.json` in its directory
// says at that moment. Writes down in `lock.jsonl` what it heard and when, on the clock that all processes share. As the
// real one it says `released` of a dead guard only when the announced trees are gone and their volumes settled.
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { uptime } from "node:os";

const directory = process.argv[2];
const monoMs = () => Number(process.hrtime.bigint()) / 1e6;
const now = () => ({ monoMs: monoMs(), bootMs: uptime() * 1000 });
const behaviour = () => JSON.parse(readFileSync(`${directory}/behaviour.json`, "utf8"));
const note = (what) =>
  appendFileSync(`${directory}/lock.jsonl`, `${JSON.stringify({ atMs: monoMs(), pid: process.pid, ...what })}\n`);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]) process.on(signal, () => undefined);

const socket = new Socket({ fd: 3, readable: true, writable: true });
const send = (message) => socket.write(`${JSON.stringify(message)}\n`);
const trees = [];
let settle = null;
let held = false;
let epoch = "7";
let acquiring;

function grant(stamp) {
  const { pendingFence, run } = behaviour();
  held = true;
  const former = { kind: "released", epoch: "6", agent: "agent-0" };
  send({
    type: "granted",
    run: run ?? "run-1",
    epoch,
    created: "c1",
    stamp,
    former,
    holders: [],
    pendingFence: pendingFence ?? null,
  });
}

function acquire() {
  const { acquire: how, failure } = behaviour();
  if (how === "fail") {
    send({ type: "failed", holder: null, ...failure });
    socket.end(() => process.exit(1));
    return;
  }
  if (how === "wait") {
    if (acquiring === undefined)
      send({ type: "waiting", epoch: "6", state: "held", holder: holder(), place: 0, why: "it is held" });
    acquiring = setTimeout(acquire, 20);
    return;
  }
  grant(now());
}

const holder = () => ({
  run: "run-0",
  agent: "agent-0",
  host: "host-0",
  pid: 1,
  task: null,
  since: "2026-01-01T00:00:00.000Z",
});

function handle(message) {
  note({
    heard: message.type,
    ...(message.type === "config" ? { resume: message.config.resume, settle: message.config.settle } : message),
  });
  const { confirm, history, release, lost, exitOnRenew, late, fenced } = behaviour();
  switch (message.type) {
    case "config":
      send({ type: "connected", store: "double" });
      settle = message.config.settle;
      if (message.config.resume !== null) {
        held = true;
        epoch = message.config.resume.epoch;
      }
      return;
    case "acquire":
      return acquire();
    case "tree":
      trees.push(message.init);
      return;
    case "renew": {
      if (exitOnRenew === true) process.exit(70);
      send({ type: "renewing", n: message.n });
      const stamp = now();
      if (fenced !== undefined) send({ type: "fenced", epoch: fenced });
      if (lost !== undefined)
        return send({ type: "lost", code: lost, message: "The lease is lost: a test said so.", hint: "none" });
      if (confirm === false) return send({ type: "unconfirmed", n: message.n, why: "the store does not answer" });
      setTimeout(() => send({ type: "confirmed", n: message.n, stamp, epoch }), late ?? 0);
      return;
    }
    case "history":
      return send({
        type: "history-done",
        id: message.id,
        error: history === "fail" ? "the store does not answer" : null,
      });
    case "release":
      if (release === "silent") return;
      send(
        release === "fail" ? { type: "release-failed", message: "the store does not answer" } : { type: "released" },
      );
      socket.end(() => process.exit(0));
      return;
    case "leave":
      socket.end(() => process.exit(0));
  }
}

function isGone({ pid, startTicks }) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[19] !== startTicks || fields[0] === "Z" || fields[0] === "X";
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return true;
    throw error;
  }
}

function guardIsGone() {
  note({ event: "guard-gone", held });
  if (!held) process.exit(0);
  const wait = () => {
    if (!trees.every(isGone)) return setTimeout(wait, 2);
    const [file, ...args] = settle?.command ?? ["true"];
    const { status } = spawnSync(file, args, { timeout: settle?.timeoutMs, stdio: "ignore" });
    note({ event: status === 0 ? "released-after-guard" : "yielded-after-guard" });
    process.exit(0);
  };
  wait();
}

let rest = "";
socket.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) handle(JSON.parse(line));
});
// The guard is gone, which the end says.
socket.on("error", () => undefined);
socket.once("close", guardIsGone);
note({ event: "start" });
