import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "../../agents/until.js";
import { type ServerProcess, startServerProcess } from "../server-process.js";

/** The administration of a server's machine, as a strategy's control target reaches it. */
export interface Control {
  /** Of a control target; arguments are added. */
  readonly command: readonly [string, ...string[]];
  readonly server: ServerProcess;
}

export interface ControlOptions {
  readonly name: string;
  /** How to get into the machine's network. */
  readonly enter: readonly string[];
  readonly socket: string;
  readonly logFile: string;
  /** What every command begins with there; empty: the arguments are the command. */
  readonly program: readonly string[];
}

const START_LIMIT_MS = 20_000;
const CLIENT = fileURLToPath(new URL("./client-main.js", import.meta.url));
const SERVER = fileURLToPath(new URL("./server-main.js", import.meta.url));

/**
 * Runs commands outside of every agent's tree, as ssh to another machine does: a run that administers its server sits in
 * a PID namespace, from where the server's processes cannot be seen.
 */
export async function startControl({ name, enter, socket, logFile, program }: ControlOptions): Promise<Control> {
  const argv = [process.execPath, SERVER, socket, ...program] as const;
  const server = startServerProcess({ name: `the control of ${name}`, argv, enter, logFile });
  await until(`the control of ${name}`, () => existsSync(socket), {
    timeoutMs: START_LIMIT_MS,
    seen: () => server.describe(),
  });
  return { command: [process.execPath, CLIENT, socket], server };
}
