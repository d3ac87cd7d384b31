import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NetworkAgent } from "../../agents/agent.js";
import { command } from "../../agents/command.js";
import { lookAt, signalProcess } from "../../agents/processes.js";
import { until } from "../../agents/until.js";
import { type Control, startControl } from "../control/index.js";

export type NbdServerKind = "nbdkit" | "nbd-server" | "qemu-nbd";

const MIB = 1024 * 1024;
const FIRST_PORT = 10_809;
const LIMIT_MS = 20_000;
/** Far more than the images ever hold: they are sparse. */
const DISK_BYTES = 8 * 1024 * MIB;

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
  let control: Control | undefined;
  let mounted = false;

  const ask = async (verb: string, name: string) => {
    const { stdout } = await command([...commandOf(control), verb, name]);
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
    if (control?.server.running === true) {
      for (const name of Object.keys(volumes)) await ask("stop", name);
      await control.server.kill();
    }
    if (mounted) await command(["umount", disk]);
    rmSync(base, { recursive: true });
  };
  try {
    mkdirSync(disk);
    await command(["mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "holdfast-nbd", disk]);
    mounted = true;
    writeConfig();
    control = await startControl({
      name: "the block device server",
      enter: machine.enter,
      socket,
      logFile: join(base, "control.log"),
      program: [...program, "--config", configFile],
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    address: machine.address,
    control: commandOf(control),
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
      for (const name of Object.keys(volumes)) await command([...commandOf(control), "resume", name]);
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

function commandOf(control: Control | undefined): readonly [string, ...string[]] {
  if (control === undefined) throw new Error("the server's control was never started");
  return control.command;
}
