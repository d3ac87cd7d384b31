// @ts-check
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@holdfast/testkit";

const kazooLock = join(dirname(fileURLToPath(import.meta.url)), "kazoo_lock.py");
const SYSTEM_PYTHON = "/usr/bin/python3";

/** @param {string} command @param {readonly string[]} args */
function firstLine(command, args) {
  const { status, stdout, stderr } = spawnSync(command, [...args], { encoding: "utf8" });
  return status === 0 ? (`${stdout}${stderr}`.trim().split("\n")[0] ?? "") : undefined;
}

/**
 * The peers that are installed here, each with its version; the others are named as missing.
 * @param {{ readonly hosts: string, readonly directory: string }} options
 */
export async function startPeers({ hosts, directory }) {
  /** @type {import("./types.js").Wrapper[]} */
  const wrappers = [];
  /** @type {import("./types.js").HandoverPeer[]} */
  const handovers = [];
  const versions = [];
  const missing = [];
  let stop = async () => undefined;

  const flock = firstLine("flock", ["--version"]);
  if (flock === undefined) missing.push("flock");
  else {
    versions.push(flock);
    wrappers.push({ name: "flock(1)", argv: () => ["flock", "-n", join(directory, "flock")] });
  }

  const kazoo = firstLine(SYSTEM_PYTHON, ["-c", "import kazoo.version; print('kazoo', kazoo.version.__version__)"]);
  if (kazoo === undefined) missing.push("python3-kazoo");
  else {
    versions.push(kazoo);
    wrappers.push({
      name: "kazoo wrapper (python3)",
      argv: (/** @type {string} */ name) => [SYSTEM_PYTHON, kazooLock, "run", hosts, `/kazoo-${name}`, "--"],
    });
    handovers.push({
      name: "kazoo Lock",
      handover: (/** @type {number} */ candidates, /** @type {number} */ times) => {
        const args = [kazooLock, "handover", hosts, `/kazoo-handover-${candidates}`, String(candidates), String(times)];
        const { stdout, status, stderr } = spawnSync(SYSTEM_PYTHON, args, { encoding: "utf8" });
        if (status !== 0) throw new Error(stderr);
        return stdout.trim().split("\n").map(Number);
      },
    });
  }

  const etcd = firstLine("etcd", ["--version"]);
  if (etcd === undefined || !existsSync("/usr/bin/etcdctl")) missing.push("etcd-server, etcd-client");
  else {
    versions.push(etcd);
    const server = await startEtcd();
    stop = server.stop;
    wrappers.push({
      name: "etcdctl lock",
      argv: (/** @type {string} */ name) => ["etcdctl", "--endpoints", server.url, "lock", name, "--"],
      env: { ETCDCTL_API: "3" },
      endSignal: "SIGKILL", // it does not end its command on TERM
    });
  }
  return { wrappers, handovers, versions, missing, stop: () => stop() };
}

async function startEtcd() {
  const data = mkdtempSync(join(tmpdir(), "holdfast-bench-etcd-"));
  const [client, peer] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const args = ["--data-dir", data, "--listen-client-urls", url, "--advertise-client-urls", url];
  args.push(
    "--listen-peer-urls",
    peerUrl,
    "--initial-advertise-peer-urls",
    peerUrl,
    "--initial-cluster",
    `default=${peerUrl}`,
  );
  const child = spawn("etcd", args, { stdio: "ignore" });
  for (let tries = 0; tries < 100; tries++) {
    const { status } = spawnSync("etcdctl", ["--endpoints", url, "endpoint", "health"], {
      env: { ...process.env, ETCDCTL_API: "3" },
    });
    if (status === 0) {
      const stop = async () => {
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
        rmSync(data, { recursive: true, force: true });
        return undefined;
      };
      return { url, stop };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill("SIGKILL");
  throw new Error("etcd does not become healthy");
}
