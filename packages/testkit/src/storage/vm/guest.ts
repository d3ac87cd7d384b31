import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { command } from "../../agents/command.js";
import type { AgentNetwork } from "../../agents/network.js";
import { until } from "../../agents/until.js";
import { freePort } from "../../zookeeper/free-port.js";
import { type ServerProcess, startServerProcess } from "../server-process.js";
import type { StorageAgent } from "../world.js";
import { runInGuest } from "./client.js";
import { buildGuestImage } from "./image.js";
import { machineArguments } from "./qemu.js";

export interface GuestOptions {
  readonly network: AgentNetwork;
  /** Its address is `network.prefix` and this, 201 to 250: namespaces count from 1. */
  readonly number: number;
  readonly name: string;
  /** A directory of this machine that exists; the guest sees it under the same path. Logs go there. */
  readonly share: string;
  /** Raw images; `/dev/vda` and so on. */
  readonly disks?: readonly string[];
  readonly memoryMiB?: number;
}

export interface GuestResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A small virtual machine: a kernel of its own, with NFS and block devices that this machine's may lack, and everything
 * that is installed here. What `cut` cuts is its network with the others; commands go another way.
 */
export interface Guest extends StorageAgent {
  /** Runs a command to its end. Rejects after `timeoutMs`, having killed it; an exit code is an answer. */
  run(argv: readonly string[], options?: { timeoutMs?: number; input?: string }): Promise<GuestResult>;
  /** The same through bash; @throws Error with what it said when it fails. */
  shell(script: string, options?: { timeoutMs?: number }): Promise<string>;
  /** The whole machine stands still, its clock too. */
  pause(): Promise<void>;
  resume(): void;
  /** As if the power had gone. Disks keep what was written. */
  kill(): Promise<void>;
  /** Again, after `kill`, with nothing but its disks. */
  boot(): Promise<void>;
}

const AGENT = fileURLToPath(new URL("./agent-main.js", import.meta.url));
const RUN = fileURLToPath(new URL("./run-main.js", import.meta.url));
const BOOT_LIMIT_MS = 240_000;
const RUN_LIMIT_MS = 60_000;
const GONE_LIMIT_MS = 10_000;

/** Boots it and waits until it takes commands: 6 to 20 s. */
export async function startGuest(options: GuestOptions): Promise<Guest> {
  const { network, number, name, share } = options;
  const image = await buildGuestImage();
  const networkNumber = Number(network.prefix.split(".")[2]);
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  const tap = `hf${networkNumber}g${number}`;
  const address = `${network.prefix}.${number}`;
  const logs = join(share, name);
  mkdirSync(logs, { recursive: true });
  let controlPort = 0;
  let machine: ServerProcess | undefined;

  async function boot(): Promise<void> {
    controlPort = await freePort();
    const args = machineArguments({
      image,
      name,
      address,
      tap,
      controlPort,
      share,
      mac: `52:54:00:53:${hex(networkNumber)}:${hex(number)}`,
      memoryMiB: options.memoryMiB ?? 1_024,
      disks: options.disks ?? [],
      console: join(logs, "console"),
      node: process.execPath,
      agent: AGENT,
    });
    const started = startServerProcess({
      name,
      argv: ["qemu-system-x86_64", ...args],
      enter: [],
      logFile: join(logs, "qemu.log"),
    });
    machine = started;
    const whileItRuns = <T>(seen: T): T => {
      if (started.running) return seen;
      throw new Error(started.describe());
    };
    await until(`the link of ${name}`, () => whileItRuns(existsSync(link(tap))), { timeoutMs: GONE_LIMIT_MS });
    await attach(tap, `hf${networkNumber}br`);
    await until(`${name} to take commands`, () => whileItRuns(answers(controlPort)), {
      timeoutMs: BOOT_LIMIT_MS,
      intervalMs: 100,
      seen: () => tail(join(logs, "console")),
    });
  }
  async function run(
    argv: readonly string[],
    { timeoutMs = RUN_LIMIT_MS, input = "" }: { timeoutMs?: number; input?: string } = {},
  ): Promise<GuestResult> {
    const output = { stdout: "", stderr: "" };
    const running = runInGuest(controlPort, {
      argv,
      env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin", HOME: "/root" },
      cwd: "/",
      stdout: (chunk) => {
        output.stdout += chunk.toString();
      },
      stderr: (chunk) => {
        output.stderr += chunk.toString();
      },
    });
    running.write(Buffer.from(input));
    running.endInput();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${argv.join(" ")} on ${name} took over ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      const exit = await Promise.race([running.exit, late]);
      if (exit.error !== undefined) throw new Error(`${argv[0]} on ${name}: ${exit.error}`);
      return { exitCode: exit.code ?? 128, ...output };
    } finally {
      clearTimeout(timer);
      running.abandon();
    }
  }

  async function end(): Promise<void> {
    await machine?.kill();
    machine = undefined;
    // Its link is the process's own and goes with it.
    await until(`the link of ${name} to go`, () => !existsSync(link(tap)), { timeoutMs: GONE_LIMIT_MS });
  }

  try {
    await boot();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    id: name,
    address,
    command: (argv) => [process.execPath, RUN, String(controlPort), "--", ...argv],
    run,
    async shell(script, runOptions) {
      const { exitCode, stdout, stderr } = await run(["bash", "-euo", "pipefail", "-c", script], runOptions);
      if (exitCode === 0) return stdout;
      throw new Error(`on ${name}: ${script}\nended with ${exitCode}: ${stderr || stdout}`);
    },
    async cut() {
      await command(["bridge", "link", "set", "dev", tap, "state", "disabled"]);
    },
    async drop(addresses) {
      await run(["nft", "-f", "-"], { input: dropRules(addresses) }).then(({ exitCode, stderr }) => {
        if (exitCode !== 0) throw new Error(`nft on ${name}: ${stderr}`);
      });
    },
    async heal() {
      await command(["bridge", "link", "set", "dev", tap, "state", "forwarding"]);
      await run(["nft", "-f", "-"], { input: "table inet holdfast\ndelete table inet holdfast\n" });
    },
    pause: async () => machine?.pause(),
    resume: () => machine?.resume(),
    kill: end,
    boot,
  };
}

function link(tap: string): string {
  return `/sys/class/net/${tap}`;
}

async function attach(tap: string, bridge: string): Promise<void> {
  const ipv6 = `/proc/sys/net/ipv6/conf/${tap}/disable_ipv6`;
  if (existsSync(ipv6)) await command(["sh", "-c", 'echo 1 > "$1"', "sh", ipv6]);
  await command(["ip", "link", "set", tap, "master", bridge, "up"]);
}

/** The forwarded port takes connections as soon as the machine is there; only an answer means that the guest is ready. */
async function answers(port: number): Promise<true | undefined> {
  const nothing = () => undefined;
  const probe = runInGuest(port, { argv: ["true"], env: {}, cwd: "/", stdout: nothing, stderr: nothing });
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 5_000).unref());
  const exit = await Promise.race([probe.exit.catch(nothing), late]);
  probe.abandon();
  return exit?.code === 0 ? true : undefined;
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").slice(-1_500) : "nothing";
}

function dropRules(addresses: readonly string[]): string {
  const peers = addresses.join(", ");
  return `table inet holdfast
delete table inet holdfast
table inet holdfast {
  chain in { type filter hook input priority 0; ip saddr { ${peers} } counter drop; }
  chain out { type filter hook output priority 0; ip daddr { ${peers} } counter drop; }
}
`;
}
