import type { NetworkAgent } from "../../agents/agent.js";
import type { AgentNetwork } from "../../agents/network.js";
import type { ZooKeeperEnsemble } from "../../zookeeper/ensemble.js";
import { type FaultProxy, startFaultProxy } from "../../zookeeper/fault-proxy.js";
import { freePort } from "../../zookeeper/free-port.js";
import { startZooKeeper } from "../../zookeeper/server.js";
import type { SceneStore, StoreAccess, StoreProvider } from "./store.js";
import { asAdmin } from "./zookeeper-admin.js";

/** `host:port` of one server, or several with commas between them. */
type Addresses = string;

/** One server for all scenes; each has a chroot of its own there, and agents with machines of their own. */
export function sharedZooKeeperStore(addresses: Addresses, network: AgentNetwork): StoreProvider {
  return {
    kind: "zookeeper",
    async open({ id }) {
      const content = await openChroot(addresses, `/${id}`);
      return { kind: "zookeeper", ...content, ...machinesOn(network, () => content.url(addresses)) };
    },
  };
}

/** A server for each scene, which the scene may kill, hang and wipe. */
export function ownZooKeeperStore(network: AgentNetwork): StoreProvider {
  return {
    kind: "zookeeper",
    async open() {
      const server = await startZooKeeper({ host: network.address, port: await freePort(network.address) });
      const addresses = `${server.host}:${server.port}`;
      const machines = machinesOn(network, () => `zookeeper://${addresses}`);
      return {
        kind: "zookeeper",
        server,
        ...contentAt(addresses, ""),
        access: machines.access,
        async close() {
          await machines.close();
          await server.dispose();
        },
      };
    },
  };
}

/** Each agent reaches the server through a proxy of its own that can lose and spoil messages. */
export function proxiedZooKeeperStore(server: { readonly host: string; readonly port: number }): StoreProvider {
  const addresses = `${server.host}:${server.port}`;
  return {
    kind: "zookeeper",
    async open({ id }) {
      const content = await openChroot(addresses, `/${id}`);
      const proxies = new Map<string, FaultProxy>();
      return {
        kind: "zookeeper",
        ...content,
        proxy(agent) {
          const proxy = proxies.get(agent);
          if (proxy === undefined) throw new Error(`${agent} has not used the store yet`);
          return proxy;
        },
        async access(agent) {
          const proxy = await startFaultProxy(server);
          proxies.set(agent, proxy);
          return {
            url: content.url(`${proxy.host}:${proxy.port}`),
            enter: [],
            cut: async () => proxy.hang(),
            unplug: undefined,
            heal: async () => proxy.heal(),
            observe: () => `${proxy.open} connections through the proxy`,
          };
        },
        async close() {
          for (const proxy of proxies.values()) await proxy.close();
        },
      };
    },
  };
}

/**
 * An ensemble for all scenes.
 * @param serversOf - the servers that an agent is told of; default: all.
 */
export function ensembleStore(
  ensemble: ZooKeeperEnsemble,
  serversOf?: (agent: string) => Promise<Addresses>,
): StoreProvider {
  return {
    kind: "ensemble",
    async open({ id }) {
      const content = await openChroot(ensemble.addresses, `/${id}`);
      const machines = machinesOn(ensemble.network, async (agent) =>
        content.url((await serversOf?.(agent)) ?? ensemble.addresses),
      );
      return { kind: "ensemble", ensemble, ...content, ...machines };
    },
  };
}

async function openChroot(addresses: Addresses, chroot: string) {
  await asAdmin(addresses, (admin) => admin.createPath(chroot));
  return { url: (reachedAs: Addresses) => `zookeeper://${reachedAs}${chroot}`, ...contentAt(addresses, chroot) };
}

function contentAt(addresses: Addresses, chroot: string): Pick<SceneStore, "deleteLease" | "empty"> {
  return {
    deleteLease: (service) => asAdmin(addresses, (admin) => admin.remove(`${chroot}/services/${service}/lease`)),
    empty: () => asAdmin(addresses, (admin) => admin.removeTree(`${chroot}/services`)),
  };
}

function machinesOn(
  network: AgentNetwork,
  url: (agent: string) => string | Promise<string>,
): Pick<SceneStore, "access" | "close"> {
  const machines: NetworkAgent[] = [];
  return {
    async access(agent) {
      const machine = await network.addAgent();
      machines.push(machine);
      return accessThrough(machine, await url(agent));
    },
    async close() {
      for (const machine of machines) await machine.remove();
    },
  };
}

function accessThrough(machine: NetworkAgent, url: string): StoreAccess {
  let before = machine.counters();
  const remember = () => {
    before = machine.counters();
  };
  return {
    url,
    enter: machine.enter,
    machine,
    async cut() {
      await machine.cut();
      remember();
    },
    async unplug() {
      await machine.unplug();
      remember();
    },
    heal: () => machine.heal(),
    observe() {
      const now = machine.counters();
      const sent = now.sentPackets - before.sentPackets;
      const received = now.receivedPackets - before.receivedPackets;
      return `agent ${machine.state()}, ${sent} packets out of it, ${received} into it`;
    },
  };
}
