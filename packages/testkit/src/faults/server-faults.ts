import { monotonicMs } from "@holdfast/effects";
import { command } from "../agents/command.js";
import { lookAt } from "../agents/processes.js";
import { until } from "../agents/until.js";
import type { ZooKeeperServer } from "../zookeeper/server.js";
import type { Fault } from "./fault.js";
import type { Scene } from "./scene.js";

const LIMIT_MS = 5_000;

function serverOf(scene: Scene): ZooKeeperServer {
  const { server } = scene.store;
  if (server === undefined) throw new Error("this scene has no server of its own");
  return server;
}

/**
 * The scene's server ends and is started again at once. The fault is over when it serves again; a machine so busy that
 * this takes longer than what is promised to be ridden out shows nothing, and the row says so.
 */
export function serverRestarted(how: "stop" | "kill"): Fault {
  return {
    durationMs: null,
    async inject({ scene }) {
      const server = serverOf(scene);
      const before = server.pid;
      const fromMs = monotonicMs();
      await server[how]();
      await server.start();
      const awayMs = monotonicMs() - fromMs;
      if (awayMs >= scene.profile.rideOutMs)
        throw new Error(`the server was away for ${awayMs.toFixed(0)} ms, which nobody promised to ride out`);
      return { observed: `server ${before} gone, ${server.pid} serves, away ${awayMs.toFixed(0)} ms` };
    },
  };
}

/** The scene's server stops answering (SIGSTOP): the kernel still takes connections and packets for it. */
export function serverHung(durationMs: number, when: "connected" | "before-handshake"): Fault {
  return {
    durationMs,
    async inject({ scene, holder, candidate }) {
      const server = serverOf(scene);
      await server.pause();
      await until("the server to be stopped", () => stateOfPid(server.pid) === "T", {
        timeoutMs: LIMIT_MS,
        intervalMs: 2,
      });
      const broken: string[] = [];
      if (when === "before-handshake") {
        // The clients lose their connections and find a server that accepts the next one and says nothing.
        for (const run of [holder, candidate])
          if (run !== undefined) broken.push(await breakConnections(scene, run.agent, server.port));
      }
      return {
        observed: [`server ${server.pid} ${stateOfPid(server.pid)}`, ...broken].join(", "),
        async heal() {
          const state = stateOfPid(server.pid);
          await server.resume();
          return `at the end: server ${state}`;
        },
      };
    },
  };
}

/** Kills the TCP connections of an agent (SOCK_DESTROY), as a firewall that forgot them would. */
export async function breakConnections(scene: Scene, agent: string, port: number): Promise<string> {
  const { machine } = await scene.access(agent);
  if (machine === undefined) throw new Error(`${agent} has no machine of its own`);
  const [first, ...rest] = machine.enter;
  if (first === undefined) throw new Error(`${agent} has no network of its own`);
  const { stdout } = await command([
    first,
    ...rest,
    "ss",
    "-K",
    "-H",
    "-n",
    "-t",
    "state",
    "established",
    "dport",
    "=",
    `:${port}`,
  ]);
  const count = stdout.split("\n").filter((line) => line.trim() !== "").length;
  return `${count} connection of agent ${agent} destroyed`;
}

export function stateOfPid(pid: number | undefined): string {
  return pid === undefined ? "none" : (lookAt(pid)?.state ?? "gone");
}
