import type { NetworkAgent } from "../../agents/agent.js";
import type { AgentNetwork } from "../../agents/network.js";
import type { SceneStore, StoreAccess, StoreKind, StoreProvider } from "./store.js";
import { asAdmin } from "./zookeeper-admin.js";

export interface ZooKeeperStoreOptions {
  readonly kind: Exclude<StoreKind, "directory">;
  /** `host:port,…` as agents reach it. */
  readonly addresses: string;
  /** As the test itself reaches it; default: the same. */
  readonly adminAddress?: string;
  /** Agents get a machine of their own there; without it they run in the machine's own network and cannot be cut off. */
  readonly network?: AgentNetwork;
}

/** A real server or ensemble. Each scene has a chroot of its own, so that many share a server. */
export function zookeeperStore(options: ZooKeeperStoreOptions): StoreProvider {
  const { kind, addresses, adminAddress = addresses, network } = options;
  return {
    kind,
    async open({ id }): Promise<SceneStore> {
      const chroot = `/${id}`;
      await asAdmin(adminAddress, (admin) => admin.createPath(chroot));
      const machines: NetworkAgent[] = [];
      return {
        kind,
        async access() {
          const url = `zookeeper://${addresses}${chroot}`;
          if (network === undefined) return uncuttable(url);
          const machine = await network.addAgent();
          machines.push(machine);
          return accessThrough(machine, url);
        },
        deleteLease: (service) => asAdmin(adminAddress, (admin) => admin.remove(`${chroot}/services/${service}/lease`)),
        empty: () => asAdmin(adminAddress, (admin) => admin.removeTree(`${chroot}/services`)),
        async close() {
          for (const machine of machines) await machine.remove();
        },
      };
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
      return `agent ${machine.state()}, since then ${sent} packets out of it and ${received} into it`;
    },
  };
}

function uncuttable(url: string): StoreAccess {
  const never = async () => {
    throw new Error("this agent runs in the machine's own network and cannot be cut off");
  };
  return { url, enter: [], cut: never, unplug: undefined, heal: never, observe: () => "on the machine's own network" };
}
