import type { ConformanceCase } from "../case.js";
import { demand, demandEqual } from "../expect.js";
import { crash, demandText, demandUsable, killed, start, startNode, stop, writeSynced } from "../lifecycle.js";
import type { NodeHalf } from "../node-half.js";

export const orderCases: readonly ConformanceCase[] = [
  {
    id: "L1/I6-a-clean-stop-keeps-the-data",
    title: "attach to detach in order; what was written and synced is there at the next start",
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      await writeSynced(first, "kept", "written under epoch 1");
      const metrics = await first.half.metrics(volume);
      demand(metrics.spaceBytes > 0 && metrics.spaceFreeBytes > 0, "metrics does not know how large it is");
      await stop(scene, first);
      const second = await start(scene, volume, scene.agent(0), 2n);
      await demandText(second, "kept", "written under epoch 1");
      await stop(scene, second);
    },
  },
  {
    id: "L1/I1-every-call-twice",
    title: "the same call again gives the same result, and mounts nothing twice",
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      const { half, grant, context, agent } = first;
      const controller = scene.controller(volume);
      demandEqual(await controller.attach(agent.id, grant), context, "attach called again");
      const before = await mountsAt(half, volume.mountPath);
      await half.prepare(volume, context, grant);
      await half.mount(volume, context, grant);
      demandEqual(await mountsAt(half, volume.mountPath), before, "mounts after a second mount");
      const evidence = await demandUsable(half, volume, grant);
      demandEqual(await demandUsable(half, volume, grant), evidence, "verify called again");
      demandEqual(sorted(await controller.observe()), sorted(await controller.observe()), "observe called again");
      for (const _ of [1, 2]) await half.unmount(volume);
      for (const _ of [1, 2]) await half.release(volume);
      await killed(half);
      for (const _ of [1, 2]) await scene.cutOutside(agent, volume);
      for (const _ of [1, 2]) await controller.detach(agent.id);
    },
  },
  {
    id: "L1/I5-undo-of-what-is-absent",
    title: "unmount, release, cut, detach and unfence succeed where there is nothing to undo",
    async run(scene) {
      const volume = await scene.volume();
      const agent = scene.agent(0);
      const half = await scene.half(agent);
      await half.unmount(volume);
      await half.release(volume);
      await killed(half);
      demand((await scene.cutOutside(agent, volume)) === "cut", "cut is incomplete where nothing ever was");
      const controller = scene.controller(volume);
      await controller.detach(agent.id);
      if (scene.capabilities(volume).fences) await controller.unfence(agent.id);
      // And it is no obstacle to what comes after.
      await stop(scene, await start(scene, volume, agent, 1n, { fresh: true }));
    },
  },
  {
    id: "L1/I1-each-after-its-reverse",
    title: "attach after detach, prepare after release, mount after unmount",
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      const { half, grant, context, agent } = first;
      await writeSynced(first, "kept", "before the reverse");
      await half.unmount(volume);
      await half.mount(volume, context, grant);
      await demandText(first, "kept", "before the reverse");
      await half.unmount(volume);
      await half.release(volume);
      await startNode(scene, first);
      await demandText(first, "kept", "before the reverse");
      await half.unmount(volume);
      await half.release(volume);
      const controller = scene.controller(volume);
      await controller.detach(agent.id);
      const again = await controller.attach(agent.id, grant);
      await startNode(scene, { ...first, context: again });
      await demandText(first, "kept", "before the reverse");
      await stop(scene, first);
    },
  },
  {
    id: "L1/I8-nothing-outlives-the-tree",
    title: "SIGKILL to the tree leaves no mount behind, and cut says so within its bound",
    async run(scene) {
      const volume = await scene.volume();
      const { cut } = scene.capabilities(volume);
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      const inTree = await mountsAt(first.half, volume.mountPath);
      const outside = await scene.outside(scene.agent(0));
      const onAgent = await mountsAt(outside, volume.mountPath);
      demand(
        !scene.capabilities(volume).mounts || inTree.length > onAgent.length,
        "mount mounted it where others than the run see it",
      );
      const kind = await crash(scene, first);
      demandEqual(await mountsAt(outside, volume.mountPath), onAgent, "mounts on the agent");
      demand(kind === "cut" || cut === "after-sync", "cut is incomplete though it is declared to be certain");
      scene.fact(`cut after SIGKILL: ${kind}`);
    },
  },
];

async function mountsAt(half: NodeHalf, path: string): Promise<string[]> {
  return (await half.mounts())
    .filter(({ mountPoint }) => mountPoint === path)
    .map(({ fsType, device }) => `${fsType} ${device}`);
}

/** Lists have no order at a server. */
const sorted = (observed: { attachments: readonly unknown[]; fenced: readonly string[] }) => ({
  attachments: observed.attachments,
  fenced: [...observed.fenced].sort(),
});
