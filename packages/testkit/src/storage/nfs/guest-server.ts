import { join } from "node:path";
import { command } from "../../agents/command.js";
import type { AgentNetwork } from "../../agents/network.js";
import { startGuest } from "../vm/index.js";
import type { NfsServer } from "./server.js";
import {
  DISK,
  EXPORTED,
  GANESHA_LOG,
  GANESHA_PID,
  GANESHA_SETUP,
  includeScript,
  KERNEL_SETUP,
  waitForPort,
} from "./setup.js";
import { createSshSetup } from "./ssh.js";

const NUMBER = 201;
const DISK_BYTES = 512 * 1024 * 1024;
const SETUP_LIMIT_MS = 180_000;

/**
 * A server machine of its own, with a disk that survives a kill: for the kernel's server because it needs a kernel that
 * has one, for ganesha so that both hang, die and fill up in the same way.
 */
export async function startNfsServer(
  kind: NfsServer["kind"],
  network: AgentNetwork,
  directory: string,
): Promise<NfsServer> {
  const disk = join(directory, "nfs.img");
  await command(["truncate", "-s", String(DISK_BYTES), disk]);
  await command(["mkfs.ext4", "-q", "-F", disk]);
  const address = `${network.prefix}.${NUMBER}`;
  const ssh = await createSshSetup(join(directory, "nfs-ssh"), address);
  const guest = await startGuest({ network, number: NUMBER, name: "nfs", share: directory, disks: [disk] });
  let volumes = 0;
  const setUp = async () => {
    const limit = { timeoutMs: SETUP_LIMIT_MS };
    await guest.shell(kind === "kernel" ? KERNEL_SETUP : GANESHA_SETUP, limit);
    await guest.shell(waitForPort(2_049, GANESHA_LOG), limit);
    await guest.shell(`setsid ${ssh.server.join(" ")} < /dev/null > /run/sshd.log 2>&1 &`, limit);
    await guest.shell(waitForPort(22, "/run/sshd.log"), limit);
  };
  try {
    await setUp();
    const packageName = kind === "kernel" ? "nfs-kernel-server" : "nfs-ganesha";
    const version = await guest.shell(`dpkg-query --show ${packageName} | tr '\\t' ' '; uname -r`);
    const [server = "", kernel = ""] = version.split("\n");
    return {
      kind,
      version: kind === "kernel" ? `Linux ${kernel} nfsd, ${server}` : server,
      address,
      control: ssh.target,
      shell: (script) => guest.shell(script),
      place: (name) => ({ source: `${address}:/${name}`, directory: `${EXPORTED}/${name}` }),
      async options(name) {
        if (kind === "kernel") return { exportPath: `/${name}` };
        const file = `${DISK}/volumes/${name}.conf`;
        await guest.shell(includeScript(file));
        volumes += 1;
        return { exportId: volumes, file, pidFile: GANESHA_PID, logFile: GANESHA_LOG };
      },
      hang: () => guest.pause(),
      async resume() {
        guest.resume();
      },
      kill: () => guest.kill(),
      async start() {
        await guest.boot();
        await setUp();
      },
      close: () => guest.kill(),
    };
  } catch (error) {
    await guest.kill();
    throw error;
  }
}
