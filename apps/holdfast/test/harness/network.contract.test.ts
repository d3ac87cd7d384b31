import { createServer, type Server } from "node:net";
import {
  type AgentNetwork,
  command,
  createAgentNetwork,
  type NetworkAgent,
  namespacesUnavailable,
  networksLeft,
  until,
} from "@holdfast/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/*
 * The faults of the harness, seen from both sides: a fault that is not there would make every row of the table pass.
 */

const reason = namespacesUnavailable();
const SILENT = 124; // timeout(1)

/** Can a TCP connection be made from that agent? `timeout` stands for packets that vanish. */
async function reach(agent: NetworkAgent, address: string, port: number): Promise<"open" | "silent" | "refused"> {
  const attempt = ["timeout", "0.5", "bash", "-c", `exec 3<>/dev/tcp/${address}/${port}`];
  const [file, ...args] = [...agent.enter, ...attempt] as [string, ...string[]];
  try {
    await command([file, ...args]);
    return "open";
  } catch (error) {
    return error instanceof Error && error.message.includes(`ended with ${SILENT}`) ? "silent" : "refused";
  }
}

/** As the agent itself sees its link. */
async function carrier(agent: NetworkAgent): Promise<boolean> {
  const { stdout } = await command(["ip", "-n", agent.name, "-o", "link", "show", "eth0"]);
  return !stdout.includes("NO-CARRIER");
}

/** A busy machine may take longer than the attempt's own limit, so an answer is asked for until it comes. */
const untilReached = (agent: NetworkAgent, address: string, port: number, answer: "open" | "refused") =>
  until(
    `${agent.name} to find ${address}:${port} ${answer}`,
    async () => (await reach(agent, address, port)) === answer,
    {
      timeoutMs: 20_000,
    },
  );

describe.skipIf(reason !== undefined)(
  `agents as network namespaces${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let network: AgentNetwork;
    let a: NetworkAgent;
    let b: NetworkAgent;
    let server: Server;
    let port: number;
    const received: string[] = [];

    beforeAll(async () => {
      network = await createAgentNetwork();
      a = await network.addAgent();
      b = await network.addAgent();
      server = createServer((socket) => socket.on("error", () => socket.destroy()));
      server.on("connection", (socket) => received.push(socket.remoteAddress ?? ""));
      await new Promise<void>((resolve) => server.listen({ host: network.address, port: 0 }, resolve));
      port = (server.address() as { port: number }).port;
    });
    afterAll(async () => {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await network.remove();
      expect(await networksLeft()).toEqual([]);
    });

    test("agents reach the test's servers and each other", async () => {
      await untilReached(a, network.address, port, "open");
      await untilReached(a, b.address, 9, "refused");
      expect(a.state()).toBe("connected");
    });

    test("a cut is silent and complete: nothing of the agent arrives anywhere", async () => {
      await a.cut();
      expect(a.state()).toBe("cut");
      const before = a.counters();
      const heard = received.length;
      expect(await reach(a, network.address, port)).toBe("silent");
      expect(await reach(b, a.address, 9)).toBe("silent");
      expect(await carrier(a)).toBe(true);
      expect(a.counters().sentPackets).toBeGreaterThan(before.sentPackets);
      expect(a.counters().receivedPackets).toBe(before.receivedPackets);
      expect(received.length).toBe(heard);
      await a.heal();
      await untilReached(a, network.address, port, "open");
    });

    test("an unplugged agent sees that its carrier is gone", async () => {
      await a.unplug();
      expect(a.state()).toBe("unplugged");
      expect(await carrier(a)).toBe(false);
      await untilReached(b, network.address, port, "open");
      await a.heal();
      await untilReached(a, network.address, port, "open");
    });

    test("a drop is between two agents and counted; others are not touched", async () => {
      await a.drop([b.address]);
      expect(await reach(a, b.address, 9)).toBe("silent");
      expect(await a.dropped()).toBeGreaterThan(0);
      await untilReached(a, network.address, port, "open");
      await a.undrop();
      await untilReached(a, b.address, 9, "refused");
    });

    test("a network whose owner has died is taken down by the next one", async () => {
      const left = await createAgentNetwork();
      const agent = await left.addAgent();
      const bridge = `hf${left.prefix.split(".")[2]}br`;
      // Another process's mark, and one that never lived: as if the owner had been killed.
      await command(["ip", "link", "set", bridge, "alias", "holdfast-testkit 4194304 1"]);
      const next = await createAgentNetwork();
      const { stdout } = await command(["ip", "netns", "list"]);
      expect(stdout).not.toContain(agent.name);
      // The name is free again, so it may already be the next one's.
      const { stdout: links } = await command(["ip", "-o", "link", "show"]);
      expect(links).not.toContain("holdfast-testkit 4194304 1");
      await next.remove();
    });
  },
);
