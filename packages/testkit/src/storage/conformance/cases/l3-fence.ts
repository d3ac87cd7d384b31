import type { ConformanceCase } from "../case.js";
import { codeOf, demand, show } from "../expect.js";
import { crash, decide, demandText, start, stop, writeSynced } from "../lifecycle.js";
import { formerOf, type Scene, type Started } from "../scene.js";
import { noFence, staysPut } from "./l0-plan.js";

const skip: ConformanceCase["skip"] = ({ capabilities }) => noFence(capabilities) ?? staysPut(capabilities);

export const fenceCases: readonly ConformanceCase[] = [
  {
    id: "L3/I1-a-plan-comes-to-an-end",
    title: "what a plan did is what observe sees: planned again, nothing is left to do, also after a takeover",
    skip: ({ capabilities }) => staysPut(capabilities), // attached on the agent alone, where no controller sees it
    async run(scene) {
      const volume = await scene.volume();
      const controller = scene.controller(volume);
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      const left = await controller.planned(first.grant);
      demand(left.length === 0, `attached, and the plan still asks for ${show(left)}`);
      const { fences } = scene.capabilities(volume);
      await crash(scene, first);
      const former = fences ? [formerOf(first)] : [];
      const second = await start(scene, volume, scene.agent(1), 2n, { former });
      // Core leaves out a former holder that it has a receipt of.
      for (const known of [former, []]) {
        const then = await controller.planned(second.grant, known);
        demand(then.length === 0, `taken over, and the plan still asks for ${show(then)}`);
      }
      await stop(scene, second);
    },
  },
  {
    id: "L3/I6-a-lost-detach-is-made-up-for",
    title: "a run ended cleanly and nobody detached: the next run, elsewhere, gets the volume without a fence",
    skip: ({ capabilities }) => staysPut(capabilities),
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      await writeSynced(first, "kept", "under epoch 1");
      await first.half.unmount(volume);
      await first.half.release(volume);
      await crash(scene, first);
      const second = await start(scene, volume, scene.agent(1), 2n);
      await demandText(second, "kept", "under epoch 1");
      await stop(scene, second);
    },
  },
  {
    id: "L3/I7-receipt-says-what-was-fenced",
    title: "a fence's receipt names agent and epochs and holds the server's own answer; observe agrees with it",
    skip,
    async run(scene) {
      const { volume, first, successor, controller } = await failedRun(scene);
      const receipt = await controller.fence(formerOf(first), successor);
      const { agent, fencedEpoch, byEpoch, strategy, evidence } = receipt;
      demand(agent === first.agent.id, `the receipt names agent ${agent}`);
      demand(fencedEpoch === first.grant.epoch, `the receipt is for epoch ${fencedEpoch}`);
      demand(byEpoch === successor.epoch, `the receipt is by epoch ${byEpoch}`);
      demand(strategy === scene.strategy.type, `the receipt is of the strategy ${strategy}`);
      demand(evidence.trim().length >= 10, `the receipt holds no answer of the server: ${show(evidence)}`);
      const { fenced } = await controller.observe();
      demand(fenced.includes(first.agent.id), `observe knows of no fence of ${first.agent.id}: ${show(fenced)}`);
      const again = await controller.fence(formerOf(first), successor);
      demand(again.fencedEpoch === fencedEpoch, "the same fence again gives another receipt");
      await stop(scene, await start(scene, volume, scene.agent(1), 2n, { grant: successor }));
    },
  },
  {
    id: "L3/I4-a-fenced-agent-stays-out",
    title: "a fenced agent can neither attach nor go on with the context that it had, until it is unfenced",
    skip,
    async run(scene) {
      const { volume, first, successor, controller } = await failedRun(scene);
      await controller.fence(formerOf(first), successor);
      const second = await start(scene, volume, scene.agent(1), 2n, { grant: successor });
      await writeSynced(second, "current", "under epoch 2");
      const half = await scene.half(first.agent);
      const { context, grant } = first;
      const started = await codeOf(
        (async () => {
          await half.prepare(volume, context, grant);
          await half.mount(volume, context, grant);
          const decision = await decide(half, volume, grant);
          demand(decision.kind === "refused", "the former holder mounted it again with its old context");
        })(),
      );
      scene.fact(`the former holder's start was answered with ${started ?? "a refusal of the volume"}`);
      await half.kill();
      await demandText(second, "current", "under epoch 2");
      await stop(scene, second);
      await controller.unfence(first.agent.id);
      const back = await start(scene, volume, first.agent, 3n);
      await demandText(back, "current", "under epoch 2");
      await stop(scene, back);
    },
  },
];

/** A run whose tree died and which released nothing, and the grant that takes over. */
async function failedRun(scene: Scene): Promise<{
  readonly volume: Started["volume"];
  readonly first: Started;
  readonly successor: Started["grant"];
  readonly controller: ReturnType<Scene["controller"]>;
}> {
  const volume = await scene.volume();
  const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
  await crash(scene, first);
  const successor = scene.grant(volume, scene.agent(1).id, 2n);
  return { volume, first, successor, controller: scene.controller(volume) };
}
