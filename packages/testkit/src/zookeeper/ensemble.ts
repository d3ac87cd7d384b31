import type { NetworkAgent } from "../agents/agent.js";
import { type AgentNetwork, createAgentNetwork } from "../agents/network.js";
import { until } from "../agents/until.js";
import { createZooKeeperServer, type ZooKeeperServer, type ZooKeeperServerOptions } from "./server.js";

/** One server of an ensemble, on a machine of its own: a network namespace. */
export interface EnsembleServer extends ZooKeeperServer {
  /** The machine: cut it off, unplug it, heal it. */
  readonly machine: NetworkAgent;
}

export interface ZooKeeperEnsemble {
  readonly network: AgentNetwork;
  readonly servers: readonly EnsembleServer[];
  /** `host:port,host:port,…` */
  readonly addresses: string;
  /** Waits until one leads and all others that run follow. */
  whenComplete(): Promise<void>;
  leader(): Promise<EnsembleServer>;
  followers(): Promise<readonly EnsembleServer[]>;
  /** Packets between these two servers vanish, both ways; everybody else still reaches both. */
  cutLink(a: EnsembleServer, b: EnsembleServer): Promise<void>;
  healLinks(): Promise<void>;
  /** Stops everything and removes the network, if it was made here. Idempotent. */
  dispose(): Promise<void>;
}

export interface ZooKeeperEnsembleOptions
  extends Pick<ZooKeeperServerOptions, "tickMs" | "minSessionMs" | "maxSessionMs" | "settings" | "systemProperties"> {
  readonly size?: number;
  /** Where to put the servers; default: a network of their own. */
  readonly network?: AgentNetwork;
}

const CLIENT_PORT = 2181;
const COMPLETE_LIMIT_MS = 30_000;

/** Needs root: every server gets a network namespace of its own, so that links can be cut. */
export async function startZooKeeperEnsemble(options: ZooKeeperEnsembleOptions = {}): Promise<ZooKeeperEnsemble> {
  const { size = 3, network: given, ...serverOptions } = options;
  const network = given ?? (await createAgentNetwork());
  const machines: NetworkAgent[] = [];
  for (let id = 1; id <= size; id += 1) machines.push(await network.addAgent());
  const hosts = machines.map((machine) => machine.address);
  const servers = await Promise.all(
    machines.map(async (machine, index): Promise<EnsembleServer> => {
      const server = await createZooKeeperServer({
        ...serverOptions,
        host: machine.address,
        port: CLIENT_PORT,
        enter: machine.enter,
        ensemble: { id: index + 1, hosts },
      });
      return Object.defineProperty(server, "machine", { value: machine }) as EnsembleServer;
    }),
  );
  const ensemble = controlEnsemble(network, servers, given === undefined);
  try {
    for (const server of servers) server.launch();
    await ensemble.whenComplete();
    return ensemble;
  } catch (error) {
    await ensemble.dispose();
    throw error;
  }
}

function controlEnsemble(
  network: AgentNetwork,
  servers: readonly EnsembleServer[],
  ownsNetwork: boolean,
): ZooKeeperEnsemble {
  const dropped = new Map<EnsembleServer, Set<string>>();
  const withMode = async (mode: "leader" | "follower") => {
    const modes = await Promise.all(servers.map((server) => server.mode()));
    return servers.filter((_, index) => modes[index] === mode);
  };
  const drop = async (at: EnsembleServer, peer: EnsembleServer) => {
    const addresses = dropped.get(at) ?? new Set();
    dropped.set(at, addresses.add(peer.host));
    await at.machine.drop([...addresses]);
  };
  const ensemble: ZooKeeperEnsemble = {
    network,
    servers,
    addresses: servers.map((server) => `${server.host}:${server.port}`).join(","),
    async whenComplete() {
      await until(
        "the ensemble to be complete",
        async () => {
          const running = servers.filter((server) => server.pid !== undefined).length;
          return (await withMode("leader")).length === 1 && (await withMode("follower")).length === running - 1;
        },
        { timeoutMs: COMPLETE_LIMIT_MS, intervalMs: 50 },
      );
    },
    leader: () =>
      until("a leader", async () => (await withMode("leader"))[0], { timeoutMs: COMPLETE_LIMIT_MS, intervalMs: 50 }),
    followers: () => withMode("follower"),
    async cutLink(a, b) {
      await drop(a, b);
      await drop(b, a);
    },
    async healLinks() {
      for (const server of dropped.keys()) await server.machine.undrop();
      dropped.clear();
    },
    async dispose() {
      await Promise.all(servers.map((server) => server.dispose()));
      if (ownsNetwork) await network.remove();
    },
  };
  return ensemble;
}
