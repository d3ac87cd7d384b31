import type { ConformanceCase } from "../case.js";
import { codeOf, demand, demandRefused, show } from "../expect.js";
import { crash, decide, start, stop } from "../lifecycle.js";
import { formerOf } from "../scene.js";
import { noFence, staysPut } from "./l0-plan.js";

const RACES = 6;

export const exclusiveCases: readonly ConformanceCase[] = [
  {
    id: "L3/I1-second-attach-refused",
    title: "a second agent is refused until the first detaches",
    skip: ({ capabilities }) => staysPut(capabilities) ?? noFence(capabilities),
    async run(scene) {
      const volume = await scene.volume();
      const [a, b] = [scene.agent(0), scene.agent(1)];
      const first = await start(scene, volume, a, 1n, { fresh: true });
      const controller = scene.controller(volume);
      const second = scene.grant(volume, b.id, 2n);
      for (const _ of [1, 2]) {
        await demandRefused(controller.attach(b.id, second), ["HELD_BY_OTHER"], `attach on ${b.id}`);
      }
      const { attachments } = await controller.observe();
      demand(attachments.length === 1 && attachments[0]?.agent === a.id, `attached is ${show(attachments)}`);
      await stop(scene, first);
      await stop(scene, await start(scene, volume, b, 3n));
    },
  },
  {
    id: "L3/I2-epochs-grow",
    title: "after a run of epoch 5 nothing starts under epoch 4, on whatever agent",
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 5n, { fresh: true });
      await stop(scene, first);
      const moves = scene.capabilities(volume).movesBetweenAgents;
      for (const agent of moves ? [scene.agent(0), scene.agent(1)] : [scene.agent(0)]) {
        const older = scene.grant(volume, agent.id, 4n);
        const code = await codeOf(scene.controller(volume).attach(agent.id, older));
        if (scene.capabilities(volume).fences) {
          demand(code === "STALE_EPOCH", `attach under epoch 4 was answered with ${code ?? "success"}`);
        } else if (code === undefined) {
          // No server that remembers: the volume does.
          const started = await codeOf(start(scene, volume, agent, 4n));
          demand(started === "STALE_EPOCH" || started === undefined, `it failed with ${started}`);
        }
      }
      await stop(scene, await start(scene, volume, scene.agent(0), 6n));
    },
  },
  {
    id: "L3/I4-stale-epoch-refused",
    title: "a controller with an older grant neither attaches nor fences once a newer one did",
    skip: ({ capabilities }) => noFence(capabilities) ?? staysPut(capabilities),
    async run(scene) {
      const volume = await scene.volume();
      const [a, b] = [scene.agent(0), scene.agent(1)];
      const first = await start(scene, volume, a, 1n, { fresh: true });
      const controller = scene.controller(volume);
      await crash(scene, first);
      const winner = scene.grant(volume, b.id, 3n);
      await controller.fence(formerOf(first), winner);
      const loser = scene.grant(volume, a.id, 2n);
      const holder = { agent: b.id, epoch: 3n, bootId: null };
      await demandRefused(controller.fence(holder, loser), ["STALE_EPOCH"], "fence by the older grant");
      const run = await start(scene, volume, b, 3n, { grant: winner });
      await demandRefused(controller.fence(holder, loser), ["STALE_EPOCH"], "fence by the older grant");
      await demandRefused(
        controller.attach(a.id, loser),
        ["STALE_EPOCH", "HELD_BY_OTHER", "DENIED"],
        "attach by the older grant",
      );
      const decision = await decide(run.half, volume, winner);
      demand(decision.kind === "usable", "the newer run lost its volume to the older grant");
      await stop(scene, run);
      await demandRefused(
        controller.attach(b.id, scene.grant(volume, b.id, 2n)),
        ["STALE_EPOCH"],
        "attach by the older grant after a clean stop",
      );
    },
  },
  {
    id: "L3/I1-two-controllers-race",
    title: "of two controllers that attach at the same moment for different agents at most one succeeds",
    skip: ({ capabilities }) => staysPut(capabilities) ?? noFence(capabilities),
    async run(scene) {
      const volume = await scene.volume();
      const [a, b] = [scene.agent(0), scene.agent(1)];
      await stop(scene, await start(scene, volume, a, 1n, { fresh: true }));
      const controller = scene.controller(volume);
      for (let race = 0; race < RACES; race += 1) {
        const epoch = BigInt(10 + race * 2);
        const attempts = [
          { agent: a.id, grant: scene.grant(volume, a.id, epoch) },
          { agent: b.id, grant: scene.grant(volume, b.id, epoch + 1n) },
        ];
        const codes = await Promise.all(attempts.map(({ agent, grant }) => codeOf(controller.attach(agent, grant))));
        const won = attempts.filter((_, index) => codes[index] === undefined);
        demand(won.length <= 1, `both attached: ${show(codes)}`);
        const { attachments } = await controller.observe();
        demand(attachments.length <= 1, `two are attached: ${show(attachments)}`);
        const holder = attachments[0]?.agent;
        demand(won.length === 0 || holder === won[0]?.agent, `${won[0]?.agent} was told yes, ${holder} has it`);
        for (const { agent } of attempts) await controller.detach(agent);
      }
    },
  },
];
