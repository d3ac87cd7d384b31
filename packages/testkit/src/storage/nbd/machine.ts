import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NetworkAgent } from "../../agents/agent.js";
import { command } from "../../agents/command.js";
import { lookAt, signalProcess } from "../../agents/processes.js";
import { until } from "../../agents/until.js";
import { type ServerProcess, startServerProcess } from "../server-process.js";

export type NbdServerKind = "nbdkit" | "nbd-server" | "qemu-nbd";

const MIB = 1024 * 1024;
const FIRST_PORT = 10_809;
const LIMIT_MS = 20_000;
/** Far more than the images ever hold: they are sparse. */
const DISK_BYTES = 8 * 1024 * MIB;

const CLIENT = fileURLToPath(new URL("./control-client-main.js", import.meta.url));
const SERVER = fileURLToPath(new URL("./control-server-main.js", import.meta.url));

/** The server: a network namespace, a disk of its own for images, and the program that keeps one server per volume. */
export interface NbdMachine {
  readonly address: string;
  /** Control target for a strategy. */
  readonly control: readonly [string, ...string[]];
  addVolume(name: string, imageMiB: number): { readonly image: string; readonly port: number };
  imageOf(name: string): string;
  /** Pids of server processes of all volumes. */
  pids(): Promise<number[]>;
  hang(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  fill(): Promise<() => Promise<void>>;
  dispose(): Promise<void>;
}

export async function startNbdMachine(
  machine: NetworkAgent,
  kind: NbdServerKind,
  program: readonly [string, ...string[]],
): Promise<NbdMachine> {
  const base = mkdtempSync(join(tmpdir(), "holdfast-nbd-"));
  const disk = join(base, "disk");
  const configFile = join(base, "config.json");
  const socket = join(base, "control");
  const volumes: Record<string, { server: NbdServerKind; image: string; listen: string; port: number }> = {};
  const writeConfig = () => writeFileSync(configFile, JSON.stringify({ stateDirectory: join(base, "state"), volumes }));
  let daemon: ServerProcess | undefined;
  let mounted = false;

  const control: [string, ...string[]] = [process.execPath, CLIENT, socket];
  const ask = async (verb: string, name: string) => {
    const { stdout } = await command([...control, verb, name]);
    return JSON.parse(stdout) as { ok: boolean; status: { processes: { pid: number }[]; serving: boolean } };
  };
  const pids = async () => {
    const found: number[] = [];
    for (const name of Object.keys(volumes)) {
      found.push(...(await ask("status", name)).status.processes.map(({ pid }) => pid));
    }
    return found;
  };
  /** Signals every server process and waits until each is seen to be in the state. */
  const signal = async (which: NodeJS.Signals, what: string, there: (state: string | undefined) => boolean) => {
    const all = (await pids()).flatMap((pid) => lookAt(pid) ?? []);
    for (const seen of all) signalProcess(seen, which);
    for (const { pid } of all) {
      await until(`server process ${pid} to ${what}`, () => there(lookAt(pid)?.state), { timeoutMs: LIMIT_MS });
    }
  };
  const dispose = async () => {
    if (daemon?.running === true) {
      for (const name of Object.keys(volumes)) await ask("stop", name);
      await daemon.kill();
    }
    if (mounted) await command(["umount", disk]);
    rmSync(base, { recursive: true });
  };
  try {
    mkdirSync(disk);
    await command(["mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "holdfast-nbd", disk]);
    mounted = true;
    writeConfig();
    daemon = startServerProcess({
      name: "the control of the block device server",
      argv: [process.execPath, SERVER, socket, ...program, "--config", configFile],
      enter: machine.enter,
      logFile: join(base, "control.log"),
    });
    const started = daemon;
    await until("the control socket", () => existsSync(socket), {
      timeoutMs: LIMIT_MS,
      seen: () => started.describe(),
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    address: machine.address,
    control,
    addVolume(name, imageMiB) {
      const image = join(disk, `${name}.img`);
      const port = FIRST_PORT + Object.keys(volumes).length;
      writeFileSync(image, "");
      truncateSync(image, imageMiB * MIB);
      volumes[name] = { server: kind, image, listen: machine.address, port };
      writeConfig();
      return { image, port };
    },
    imageOf: (name) => volumes[name]?.image ?? "",
    pids,
    hang: () => signal("SIGSTOP", "stop", (state) => state === "T"),
    resume: () => signal("SIGCONT", "go on", (state) => state !== "T"),
    kill: () => signal("SIGKILL", "end", (state) => state === undefined || state === "Z"),
    async start() {
      for (const name of Object.keys(volumes)) await command([...control, "resume", name]);
    },
    async fill() {
      const { stdout } = await command(["df", "--block-size=1", "--output=used", disk]);
      const used = Number(stdout.trim().split("\n").at(-1));
      await command(["mount", "-o", `remount,size=${used}`, disk]);
      return async () => {
        await command(["mount", "-o", `remount,size=${DISK_BYTES}`, disk]);
      };
    },
    dispose,
  };
}
