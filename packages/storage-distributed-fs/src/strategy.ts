import { HoldfastError, type StorageStrategy } from "@holdfast/core";
import { distributedFsOptionsSchema } from "./drivers.js";
import { cutClient } from "./node/cut.js";
import { probeLocking } from "./node/lock-probe.js";
import { mountClient } from "./node/mount.js";
import { findMount } from "./node/mounts.js";
import { unmountClient } from "./node/unmount.js";
import { planAttach } from "./plan.js";
import { bind } from "./volume.js";

const STRATEGY_TYPE = "distributed-fs";

/** A distributed file system, mounted from several servers by whichever agent runs the service. */
export function createDistributedFsStrategy(): StorageStrategy {
  return {
    apiVersion: 1,
    type: STRATEGY_TYPE,
    optionsSchema: distributedFsOptionsSchema,

    capabilities(given) {
      const { driver, volume } = bind(given);
      return driver.capabilities(volume.options);
    },
    proof(given) {
      const { driver, volume } = bind(given);
      return driver.proof(volume.options);
    },
    explain(given) {
      const { driver, volume } = bind(given);
      return driver.explain(volume);
    },
    placement: () => ({ kind: "any" }),
    plan(given, observed, target) {
      const { driver, volume } = bind(given);
      return planAttach(driver.capabilities(volume.options), observed, target);
    },

    async observe(op, given) {
      const { driver, volume } = bind(given);
      return { ...(await driver.observe(op, volume)), recorded: null };
    },
    async attach(op, given, agent, grant) {
      const { driver, volume } = bind(given);
      const seen = await driver.observe(op, volume);
      if (!seen.exists) {
        throw new HoldfastError("NOT_FOUND", "The servers do not know this volume.", {
          hint: "Create it, or correct its name in the options.",
        });
      }
      const newer = seen.attachments.find(({ epoch }) => epoch !== null && epoch > grant.epoch);
      if (newer !== undefined) {
        // Before the fence: there is nothing to wait for.
        throw new HoldfastError("STALE_EPOCH", `${newer.agent} has the volume under epoch ${newer.epoch}.`, {
          hint: "Stop; the grant is void.",
          detail: { seen: String(newer.epoch), epoch: grant.epoch.toString() },
        });
      }
      if (seen.fenced.includes(agent)) {
        throw new HoldfastError("BUSY", `The servers still refuse ${agent}, which was fenced.`, {
          hint: "Let it back in (unfence) once its former run is known gone, then call again.",
          retryable: true,
          detail: { agent },
        });
      }
      await driver.attach(op, volume, agent, grant);
      return { backend: driver.capabilities(volume.options).backend };
    },
    async detach(op, given, agent) {
      const { driver, volume } = bind(given);
      await driver.detach(op, volume, agent);
    },
    async fence(op, given, former, grant) {
      const { driver, volume } = bind(given);
      if (!driver.capabilities(volume.options).fences) {
        throw new HoldfastError("UNFENCEABLE", `Nothing here can cut ${former.agent} off from this volume.`, {
          hint: "Set `control` in the volume's options to where the servers are administered.",
          detail: { agent: former.agent },
        });
      }
      const evidence = await driver.fence(op, volume, former, grant);
      return {
        fencedEpoch: former.epoch,
        agent: former.agent,
        byEpoch: grant.epoch,
        strategy: STRATEGY_TYPE,
        at: op.clock.wallTime(),
        evidence: evidence.slice(0, 4_000),
      };
    },
    async unfence(op, given, agent) {
      const { driver, volume } = bind(given);
      await driver.unfence(op, volume, agent);
    },
    async inspect(op, given) {
      const { driver, volume } = bind(given);
      return driver.inspect(op, volume);
    },

    async prepare(op, given) {
      const { driver, volume } = bind(given);
      await driver.prepare(op, volume);
    },
    async check(op, given) {
      const { driver, volume } = bind(given);
      return driver.check(op, volume);
    },
    async mount(op, given) {
      await mountClient(op, bind(given));
    },
    async verify(op, given) {
      const bound = bind(given);
      const { mountPath, options } = bound.volume;
      const seen = await op.volumes.look(mountPath, { timeoutMs: options.callTimeoutMs });
      // A directory that is there without our mount is the agent's own disk.
      const evidence = { ...seen, mounted: seen.mounted && (await findMount(op, bound, mountPath)) !== undefined };
      return { ...evidence, locking: await probeLocking(op, bound, evidence) };
    },
    async cut(op, given) {
      return cutClient(op, bind(given));
    },
    async unmount(op, given) {
      await unmountClient(op, bind(given));
    },
    async release() {
      // Nothing was prepared that outlives the client.
    },
    async metrics(op, given) {
      const { mountPath, options } = bind(given).volume;
      const usage = await op.volumes.usage(mountPath, { timeoutMs: options.callTimeoutMs });
      return { ...usage, detail: {} };
    },
  } satisfies StorageStrategy;
}
