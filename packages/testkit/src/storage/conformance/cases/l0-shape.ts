import { isDeepStrictEqual } from "node:util";
import { type ObservedVolume, PLUGIN_API_VERSION, type StorageStrategy, type Volume } from "@holdfast/core";
import type { ConformanceCase } from "../case.js";
import { codeOf, demand, demandEqual, show } from "../expect.js";
import type { Scene } from "../scene.js";

const VERBS = [
  ...["capabilities", "proof", "explain", "placement", "plan", "observe", "attach", "detach", "fence", "unfence"],
  ...["prepare", "check", "mount", "verify", "cut", "unmount", "release", "metrics"],
] as const satisfies readonly (keyof StorageStrategy)[] | readonly string[];

const OPTIONAL = {
  snapshot: "snapshots",
  provision: "provisions",
  destroy: "destroys",
  repair: "repairs",
  restore: "restores",
} as const;

export const nothingSeen: ObservedVolume = { exists: true, attachments: [], fenced: [], recorded: null, detail: {} };

export const shapeCases: readonly ConformanceCase[] = [
  {
    id: "L0/I7-has-the-contract-s-shape",
    title: "it speaks this API version, has a name, and every verb that is not optional",
    async run({ strategy }) {
      demandEqual(strategy.apiVersion, PLUGIN_API_VERSION, "apiVersion");
      demand(
        /^[a-z][a-z0-9-]*$/.test(strategy.type),
        `the type ${show(strategy.type)} is no name for files and labels`,
      );
      const missing = VERBS.filter((verb) => typeof strategy[verb as keyof StorageStrategy] !== "function");
      demand(missing.length === 0, `it has no ${missing.join(", ")}`);
    },
  },
  {
    id: "L0/I3-unknown-options-are-refused",
    title: "the options' schema refuses a key that it does not know, and what is no object",
    async run(scene) {
      const { optionsSchema } = scene.strategy;
      const { options } = await scene.world.createVolume("c-options");
      const known = { ...(options as object), ...scene.deps.subject.options };
      demand(optionsSchema.safeParse(known).success, `it refuses its own options: ${show(known)}`);
      demand(!optionsSchema.safeParse({ ...known, xUnknownKey: 1 }).success, "a misspelt key would go unnoticed");
      demand(!optionsSchema.safeParse("text").success, "it takes a text for options");
    },
  },
  {
    id: "L0/I5-optional-verbs-are-as-declared",
    title: "a declared capability has its verb; a verb that is not declared for this volume does nothing",
    async run(scene) {
      const { strategy } = scene;
      const volume = await scene.volume();
      const capabilities = strategy.capabilities(volume);
      for (const [verb, capability] of Object.entries(OPTIONAL)) {
        const method = strategy[verb as keyof typeof OPTIONAL];
        if (capabilities[capability]) demand(typeof method === "function", `${capability} without ${verb}`);
        else if (method !== undefined) await demandUnsupported(scene, volume, verb as keyof typeof OPTIONAL);
      }
    },
  },
  {
    id: "L0/I1-grade-has-its-means",
    title: "what is declared does not contradict itself: no fenced grade without a fence, every bound a number",
    async run(scene) {
      const capabilities = scene.capabilities(await scene.volume());
      const { declaredGrade, fences, movesBetweenAgents, backend, cutMsMax, claimWaitMs } = capabilities;
      demandEqual(backend, scene.world.backend, "the backend's name");
      const fenced = declaredGrade === "storage-fenced" || declaredGrade === "agent-fenced";
      demand(!fenced || fences, `${declaredGrade} is declared, and no fence`);
      demand(declaredGrade !== "none" || !movesBetweenAgents, "it moves between agents under the grade none");
      for (const [name, value] of Object.entries({ cutMsMax, claimWaitMs })) {
        demand(Number.isFinite(value) && value >= 0 && value <= 600_000, `${name} is ${value}`);
      }
    },
  },
  {
    id: "L0/I4-decisions-are-pure",
    title: "capabilities, proof, explain, placement and plan give equal answers to equal questions and change none",
    async run(scene) {
      const { strategy } = scene;
      const volume = deepFreeze(await scene.volume());
      const target = deepFreeze({
        agent: scene.agent(1).id,
        epoch: 8n,
        former: [{ agent: scene.agent(0).id, epoch: 7n, bootId: null }],
      });
      const agents = deepFreeze(scene.world.agents.map(({ id }) => ({ id, reachable: true, spareMiB: null })));
      const seen = deepFreeze(nothingSeen);
      const questions = {
        capabilities: () => strategy.capabilities(volume),
        proof: () => strategy.proof(volume),
        explain: () => strategy.explain(volume),
        placement: () => strategy.placement(volume, seen, agents),
        plan: () => strategy.plan(volume, seen, target),
      };
      for (const [name, ask] of Object.entries(questions)) {
        const [first, second]: unknown[] = [ask(), ask()];
        demand(!(first instanceof Promise), `${name} is asynchronous`);
        demand(isDeepStrictEqual(first, second), `${name} answered ${show(first)}, then ${show(second)}`);
      }
    },
  },
  {
    id: "L0/I7-explains-what-it-would-do",
    title: "a plan can print what is promised, and the command lines of what would be done",
    async run(scene) {
      const volume = await scene.volume();
      const { fences, mounts } = scene.capabilities(volume);
      const { statements, commands } = scene.strategy.explain(volume);
      demand(statements.length > 0, "it states nothing");
      demand(!mounts || (commands.mount ?? []).length > 0, "it mounts and shows no command for it");
      demand(!fences || (commands.fence ?? []).length > 0, "it fences and shows no command for it");
    },
  },
  {
    id: "L0/I1-placement-is-an-answer",
    title: "placement names agents that exist, or says in words why it waits",
    async run(scene) {
      const volume = await scene.volume();
      const agents = scene.world.agents.map(({ id }) => ({ id, reachable: true, spareMiB: null }));
      const placement = scene.strategy.placement(volume, nothingSeen, agents);
      if (placement.kind === "wait") demand(placement.why !== "", "it waits and does not say why");
      if (placement.kind === "agents") {
        const strangers = placement.agents.filter((name) => !agents.some(({ id }) => id === name));
        demand(strangers.length === 0, `nobody knows ${strangers.join(", ")}`);
        demand(placement.agents.length > 0, "it allows no agent and does not say that it waits");
      }
    },
  },
];

/** Calls the verb with an `op` under which nothing can happen. */
async function demandUnsupported(scene: Scene, volume: Volume, verb: keyof typeof OPTIONAL): Promise<void> {
  const { strategy } = scene;
  const grant = scene.grant(volume, scene.agent(0).id, 1n);
  const counter = scene.op({ afterEffects: 0 });
  const { op } = counter;
  const calls = {
    snapshot: () => strategy.snapshot?.(op, volume, "suite", grant),
    provision: () => strategy.provision?.(op, volume),
    destroy: () => strategy.destroy?.(op, volume, { volumeId: "" }),
    repair: () => strategy.repair?.(op, volume, {}, grant, "safe"),
    restore: () => strategy.restore?.(op, volume, "", grant),
  };
  const code = await codeOf(Promise.resolve(calls[verb]())).catch(() => "an error without a code");
  demand(!counter.crashed, `${verb} is not declared, and had an effect`);
  demand(code === "UNSUPPORTED" || code === "DENIED", `${verb} is not declared, and was answered with ${code}`);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
