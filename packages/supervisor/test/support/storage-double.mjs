// A storage process and its cut program without a strategy: `serve DIR` speaks the protocol on standard input and output
// and mounts a tmpfs at the volume's path, `cut DIR` prints a report. Both do what `behaviour.json` in DIR says at that
// moment, and write down in `storage.jsonl` what happened and when, on the clock that all processes share.
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [verb, directory] = process.argv.slice(2);
const { volume, mounts } = JSON.parse(readFileSync(join(directory, "double.json"), "utf8"));
const behaviour = () => JSON.parse(readFileSync(join(directory, "behaviour.json"), "utf8"));
const monoMs = () => Number(process.hrtime.bigint()) / 1e6;
const note = (what) =>
  appendFileSync(join(directory, "storage.jsonl"), `${JSON.stringify({ atMs: monoMs(), verb, ...what })}\n`);
const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]) process.on(signal, () => undefined);

function mark(epoch) {
  for (const name of [".holdfast", "data"]) mkdirSync(join(volume, name), { recursive: true });
  const facts = { v: 1, volumeId: "00000000-0000-4000-8000-000000000000", service: "orders-db", layout: "data" };
  const created = { createdAt: "2026-01-01T00:00:00.000Z", role: "data" };
  writeFileSync(join(volume, ".holdfast/volume.json"), JSON.stringify({ ...facts, ...created }));
  writeFileSync(join(volume, ".holdfast/claim"), "");
  const last = { v: 1, epoch, run: "run-0", agent: "agent-0", leaseMs: 3_000, at: created.createdAt };
  writeFileSync(join(volume, ".holdfast/epoch.json"), JSON.stringify(last));
}

/** Calls back when the server, a process of this tree, has its file system up. */
function mountHanging(mounted) {
  const path = join(volume, "hang");
  mkdirSync(path);
  const server = spawn(process.execPath, [join(import.meta.dirname, "hanging-fuse.mjs"), path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = { mounted, taken: () => note({ event: "taken" }) };
  createInterface({ input: server.stdout }).on("line", (line) => said[line]());
}

function up() {
  const how = behaviour().up ?? "ok";
  if (how === "exit") process.exit(70);
  if (how === "silent") return;
  if (how === "fail") {
    send({ type: "failed", code: "NEEDS_REPAIR", message: "The volume is dirty.", hint: "fsck" });
    return;
  }
  const fromMs = monoMs();
  send({ type: "step", name: "mount", role: "data", state: "started", tookMs: null });
  if (mounts) execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", volume]);
  mark("6");
  const isUp = () => {
    send({ type: "step", name: "mount", role: "data", state: "done", tookMs: monoMs() - fromMs });
    send({ type: "up", fenced: null });
  };
  if (how === "hanging") mountHanging(isUp);
  else isUp();
}

function down() {
  const how = behaviour().down ?? "ok";
  if (how === "exit") process.exit(70);
  if (how === "silent") return;
  if (how === "unclean") {
    send({ type: "down", clean: false, why: "target is busy" });
    return;
  }
  if (mounts) execFileSync("umount", [volume]);
  note({ event: "unmounted" });
  send({ type: "down", clean: true, why: "unmounted" });
}

/** Processes of either tree that still execute, which there are none of when this is right. */
function left() {
  const own = process.env.HOLDFAST_TEST_GUARD;
  return readdirSync("/proc").filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
      const isOurs = environment.includes(`HOLDFAST_TEST_GUARD=${own}`);
      return isOurs && environment.some((variable) => variable.startsWith("HOLDFAST_TREE="));
    } catch (error) {
      if (["ENOENT", "ESRCH", "EACCES"].includes(error.code)) return false;
      throw error;
    }
  }).length;
}

function cut() {
  const how = behaviour().cut ?? "cut";
  note({ event: "cut", how, left: left() });
  if (how === "hang") return setInterval(() => undefined, 1_000_000);
  const report = { kind: how, evidence: "nothing is left", needsFence: "a server still holds data of it" };
  if (how === "garbage") process.stdout.write("as good as cut\n");
  else send(report);
  process.exitCode = how === "incomplete" ? 1 : 0;
}

note({ event: "start" });
if (verb === "cut") {
  cut();
} else {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const message = JSON.parse(line);
    note({ event: message.type, message });
    if (message.type === "up") up();
    if (message.type === "down") down();
  });
  lines.on("close", () => process.exit(0));
}
