import type { StorageStep } from "@holdfast/core";
import type { ConformanceCase } from "../case.js";
import { demand, show } from "../expect.js";
import type { Scene } from "../scene.js";
import { nothingSeen } from "./l0-shape.js";

export const planCases: readonly ConformanceCase[] = [
  {
    id: "L0/I4-plan-fences-before-it-attaches",
    title: "a former holder elsewhere is fenced before anything is attached, an agent let back in before it attaches",
    skip: ({ capabilities }) => noFence(capabilities) ?? staysPut(capabilities),
    async run(scene) {
      const [a, b] = [scene.agent(0).id, scene.agent(1).id];
      const steps = await planned(scene, { former: [{ agent: a, epoch: 7n, bootId: null }] });
      const fence = steps.findIndex((step) => step.verb === "fence" && step.former.agent === a);
      const attach = steps.findIndex(({ verb }) => verb === "attach");
      demand(fence >= 0, `nothing fences a former holder: ${show(steps)}`);
      demand(attach < 0 || fence < attach, `it attaches before it fences: ${show(steps)}`);
      const back = await planned(scene, { former: [], fenced: [b] });
      demand(
        back.some((step) => step.verb === "unfence" && step.agent === b),
        `the agent that shall run it stays fenced: ${show(back)}`,
      );
    },
  },
  {
    id: "L0/I4-plan-fences-nobody-without-need",
    title: "no fence after a clean stop, none on the agent that runs it next, and no fence that cannot be had",
    skip: ({ capabilities }) => staysPut(capabilities),
    async run(scene) {
      const fenced = (steps: readonly StorageStep[]) => steps.filter(({ verb }) => verb === "fence");
      const clean = fenced(await planned(scene, { former: [] }));
      demand(clean.length === 0, `it fences after a clean stop: ${show(clean)}`);
      const own = fenced(await planned(scene, { former: [{ agent: scene.agent(1).id, epoch: 7n, bootId: null }] }));
      demand(own.length === 0, `it fences the agent that runs it next: ${show(own)}`);
      const volume = await scene.volume();
      if (scene.capabilities(volume).fences) return;
      const impossible = fenced(
        await planned(scene, { former: [{ agent: scene.agent(0).id, epoch: 7n, bootId: null }] }),
      );
      demand(impossible.length === 0, `it plans a fence that it does not declare: ${show(impossible)}`);
    },
  },
  {
    id: "L0/I1-stays-where-its-data-is",
    title: "a volume that does not move is placed on the agent that has its data, and waits when that one is gone",
    skip: ({ capabilities }) => (capabilities.movesBetweenAgents ? "movesBetweenAgents: true" : undefined),
    async run(scene) {
      const volume = await scene.volume();
      const [a, b] = [scene.agent(0).id, scene.agent(1).id];
      scene.record(volume, scene.grant(volume, a, 3n), "5c4e7b0e-7f0e-4a52-9d0f-0f6d2f6c8a11");
      const observed = { ...nothingSeen, recorded: scene.recorded(volume) };
      const views = (reachable: boolean) => [
        { id: a, reachable, spareMiB: null },
        { id: b, reachable: true, spareMiB: null },
      ];
      const there = scene.strategy.placement(volume, observed, views(true));
      demand(there.kind === "agents" && there.agents.join() === a, `it is placed at ${show(there)}`);
      const gone = scene.strategy.placement(volume, observed, views(false));
      const restores = gone.kind === "agents" && gone.restore === true;
      const waits = gone.kind === "wait" || (gone.kind === "agents" && gone.agents.join() === a);
      demand(waits || restores, `without the data it is placed at ${show(gone)}`);
    },
  },
];

export const noFence = ({ fences }: { readonly fences: boolean }) => (fences ? undefined : "fences: false");
export const staysPut = ({ movesBetweenAgents }: { readonly movesBetweenAgents: boolean }) =>
  movesBetweenAgents ? undefined : "movesBetweenAgents: false";

async function planned(
  scene: Scene,
  seen: { readonly former: readonly { agent: string; epoch: bigint; bootId: null }[]; readonly fenced?: string[] },
): Promise<readonly StorageStep[]> {
  const volume = await scene.volume();
  const observed = { ...nothingSeen, fenced: seen.fenced ?? [] };
  const plan = scene.strategy.plan(volume, observed, { agent: scene.agent(1).id, epoch: 8n, former: seen.former });
  demand(plan.kind === "steps", `it waits: ${plan.kind === "wait" ? plan.why : ""}`);
  return plan.steps;
}
