import { timingSafeEqual } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type AgentId, HoldfastError } from "@holdfast/core";
import type { AgentTask, LocalAgent } from "@holdfast/orchestrator-local";
import { type AgentResult, encode, type FromAgent, lineReader, type ToAgent } from "./protocol.js";

/** The orchestrator's side: agents connect here, and each then serves as a {@link LocalAgent}. */
export interface AgentServer {
  readonly port: number;
  agent(id: AgentId): LocalAgent;
  /** Ends the connection of an agent and refuses a new one: a cut where there is no network to cut. */
  refuse(id: AgentId, refused: boolean): void;
  close(): Promise<void>;
}

interface Link {
  socket: Socket | undefined;
  readonly pending: Map<number, (result: AgentResult) => void>;
}

export async function startAgentServer(host: string, token: string, agents: readonly AgentId[]): Promise<AgentServer> {
  const links = new Map<AgentId, Link>(agents.map((id) => [id, { socket: undefined, pending: new Map() }]));
  const refused = new Set<AgentId>();
  let requests = 0;

  const server = createServer((socket) => {
    let link: Link | undefined;
    // Errors of a connection are followed by its close; the agent comes again.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (link?.socket === socket) drop(link);
    });
    const read = lineReader<FromAgent>((message) => {
      if (message.type === "answer") {
        link?.pending.get(message.id)?.(message.result);
        return;
      }
      const known = links.get(message.agent);
      if (known === undefined || refused.has(message.agent) || !equal(message.token, token)) {
        socket.destroy();
        return;
      }
      drop(known);
      known.socket = socket;
      link = known;
    });
    socket.on("data", (chunk) => {
      try {
        read(chunk);
      } catch {
        // Whoever sends something else is no agent of ours.
        socket.destroy();
      }
    });
  });

  function drop(link: Link): void {
    link.socket?.destroy();
    link.socket = undefined;
    for (const answer of [...link.pending.values()]) answer({ ok: false, error: "the connection ended" });
  }

  function ask(
    id: AgentId,
    message: DistributiveOmit<ToAgent, "id">,
    signal: AbortSignal,
  ): Promise<readonly AgentTask[]> {
    const link = links.get(id);
    if (link?.socket === undefined) return Promise.reject(unreachable(id, "it is not connected"));
    const { socket } = link;
    requests += 1;
    const request = requests;
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        link.pending.delete(request);
        signal.removeEventListener("abort", onAbort);
        done();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort);
      link.pending.set(request, (result) =>
        settle(() => (result.ok ? resolve(result.tasks) : reject(unreachable(id, result.error)))),
      );
      socket.write(encode({ ...message, id: request } as ToAgent));
    });
  }

  await listen(server, host);
  return {
    port: (server.address() as AddressInfo).port,
    agent: (id) => ({
      id,
      tasks: (signal) => ask(id, { type: "tasks" }, signal),
      launch: async (launch, signal) => {
        await ask(id, { type: "launch", launch }, signal);
      },
      kill: async (task, signal) => {
        await ask(id, { type: "kill", task }, signal);
      },
    }),
    refuse(id, refuse) {
      if (!refuse) {
        refused.delete(id);
        return;
      }
      refused.add(id);
      const link = links.get(id);
      if (link !== undefined) drop(link);
    },
    async close() {
      for (const link of links.values()) drop(link);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function unreachable(id: AgentId, why: string): HoldfastError {
  return new HoldfastError("UNKNOWN_OUTCOME", `Agent ${id} did not do it: ${why}.`, {
    hint: "Its next report says what became of the request.",
    retryable: true,
  });
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function listen(server: Server, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
}
