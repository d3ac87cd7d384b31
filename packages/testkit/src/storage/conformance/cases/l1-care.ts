import type { Grant, Volume } from "@holdfast/core";
import type { ConformanceCase } from "../case.js";
import { codeOf, demand, demandRefused } from "../expect.js";
import { dataOf, decide, demandText, start, startNode, stop, writeSynced } from "../lifecycle.js";
import type { NodeHalf } from "../node-half.js";
import type { Scene } from "../scene.js";

export const careCases: readonly ConformanceCase[] = [
  {
    id: "L1/I5-a-blank-device-stays-blank",
    title: "nothing formats a blank device by itself: mounting it fails, and it is blank afterwards",
    skip: ({ strategy }) => (strategy.format === undefined ? "no verb format" : undefined),
    async run(scene) {
      const { volume, half, context, grant, run } = await attached(scene);
      await half.prepare(volume, context, grant);
      const check = await half.check(volume, context).catch(() => undefined);
      demand(check?.state !== "clean", "check calls a blank device clean");
      const code = await codeOf(half.mount(volume, context, grant));
      demand(code !== undefined, "a blank device was mounted, so something put a file system on it");
      // `format` refuses what is not blank; it goes through, so it still is.
      await startNode(scene, run, { fresh: true });
      await stop(scene, run);
    },
  },
  {
    id: "L1/I5-format-refuses-what-is-not-blank",
    title: "format refuses a device that has a file system, and the data stays",
    skip: ({ strategy }) => (strategy.format === undefined ? "no verb format" : undefined),
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      await writeSynced(first, "kept", "not to be formatted");
      const { half, context, grant } = first;
      await half.unmount(volume);
      await half.prepare(volume, context, grant);
      await demandRefused(half.format(volume, context, grant), ["INCOMPATIBLE"], "format of a device with data");
      await half.mount(volume, context, grant);
      await demandText(first, "kept", "not to be formatted");
      await stop(scene, first);
    },
  },
  {
    id: "L1/I5-destroy-asks-for-the-volume-s-name",
    title: "destroy refuses a confirmation that names another volume",
    skip: ({ capabilities }) => (capabilities.destroys ? undefined : "destroys: false"),
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      await writeSynced(first, "kept", "not to be destroyed");
      await stop(scene, first);
      const destroy = scene.strategy.destroy?.(scene.op().op, volume, { volumeId: "another" });
      await demandRefused(Promise.resolve(destroy), ["DENIED", "IDENTITY_MISMATCH"], "destroy of another volume");
      const second = await start(scene, volume, scene.agent(0), 2n);
      await demandText(second, "kept", "not to be destroyed");
      await stop(scene, second);
    },
  },
  {
    id: "L1/I3-verify-sees-what-is-there",
    title: "verify's evidence makes a run refuse what is not mounted, another service's volume, and a newer epoch",
    async run(scene) {
      const { volume, half, context, grant, run } = await attached(scene);
      if (scene.capabilities(volume).mounts) {
        const unmounted = await refusal(half, volume, grant);
        demand(unmounted !== undefined, "a volume that is not mounted is called usable");
      }
      await half.prepare(volume, context, grant);
      await startNode(scene, run, { fresh: true });
      const { mountPath: path, role } = volume;
      await half.help("recordEpoch", { path, epoch: 9n, run: "a-later-run", agent: "z", leaseMs: 10_000 });
      const newer = await refusal(half, volume, grant);
      demand(newer === "STALE_EPOCH", `a volume used under epoch 9 is ${newer ?? "usable"} under epoch 1`);
      const later = scene.grant(volume, grant.agent, 10n);
      await half.help("mark", { path, service: "somebody-else", role });
      const foreign = await refusal(half, volume, later);
      demand(foreign === "IDENTITY_MISMATCH", `another service's volume is ${foreign ?? "usable"}`);
      await half.help("mark", { path, service: volume.service, role });
      demand((await half.help("list", { path: dataOf(volume) })) !== null, "the data directory is gone");
      await stop(scene, run);
    },
  },
];

async function attached(scene: Scene) {
  const volume = await scene.volume();
  const agent = scene.agent(0);
  const grant = scene.grant(volume, agent.id, 1n);
  const context = await scene.controller(volume).take(grant);
  const half = await scene.half(agent);
  return { volume, half, context, grant, run: { half, volume, grant, context, agent, data: dataOf(volume) } };
}

/** Code with which a run refuses, be it the strategy's or the decision's; undefined when it would start. */
async function refusal(half: NodeHalf, volume: Volume, grant: Grant): Promise<string | undefined> {
  let decided: string | undefined;
  const thrown = await codeOf(
    decide(half, volume, grant).then((decision) => {
      if (decision.kind === "refused") decided = decision.code;
    }),
  );
  return thrown ?? decided;
}
