import type { Op } from "@holdfast/core";
import type { ConformanceCase } from "../case.js";
import { Broken, demand } from "../expect.js";
import { crash, dataOf, demandText, start, startNode, stop, writeSynced } from "../lifecycle.js";
import type { NodeHalf } from "../node-half.js";
import { CRASHED } from "../runner/protocol.js";
import type { Scene, Started } from "../scene.js";
import { noFence } from "./l0-plan.js";

/** More effects than any verb has; a verb that never comes to an end is a defect. */
const EFFECTS_MAX = 200;

/*
 * How these work. `op` counts effects, and after the k-th nothing more takes place: the call ends as if its process had
 * been killed there. That is done for every k from 0 until the call comes through, each time on the world that the
 * one before left behind, repaired by what is under test: the same call again, or its reverse.
 */
export const crashCases: readonly ConformanceCase[] = [
  {
    id: "L2/I1-attach-crash-replay",
    title: "attach ended after any of its effects: the same call again attaches",
    run: (scene) =>
      atEveryEffect(scene, "attach", async ({ volume, controller, grant, agent, crashing }) => {
        const done = await crashing((op) => scene.strategy.attach(op, volume, agent.id, grant));
        await controller.attach(agent.id, grant);
        await controller.detach(agent.id);
        return done;
      }),
  },
  {
    id: "L2/I1-attach-crash-reverse",
    title: "attach ended after any of its effects: detach undoes it, and another agent may attach",
    run: (scene) =>
      atEveryEffect(scene, "attach", async ({ volume, controller, grant, agent, crashing, epoch }) => {
        const done = await crashing((op) => scene.strategy.attach(op, volume, agent.id, grant));
        await controller.detach(agent.id);
        const other = scene.capabilities(volume).movesBetweenAgents ? scene.agent(1) : agent;
        await controller.take(scene.grant(volume, other.id, epoch));
        await controller.detach(other.id);
        return done;
      }),
  },
  {
    id: "L2/I1-detach-crash-replay",
    title: "detach ended after any of its effects: the same call again detaches, and another agent may attach",
    run: (scene) =>
      atEveryEffect(scene, "detach", async ({ volume, controller, grant, agent, crashing, epoch }) => {
        await controller.attach(agent.id, grant);
        const done = await crashing((op) => scene.strategy.detach(op, volume, agent.id));
        await controller.detach(agent.id);
        const other = scene.capabilities(volume).movesBetweenAgents ? scene.agent(1) : agent;
        await controller.take(scene.grant(volume, other.id, epoch));
        await controller.detach(other.id);
        return done;
      }),
  },
  {
    id: "L2/I4-fence-crash-replay",
    title: "fence ended after any of its effects: the same call again fences, and unfence lets the agent back in",
    skip: ({ capabilities }) => noFence(capabilities),
    run: (scene) =>
      atEveryEffect(scene, "fence", async ({ volume, controller, agent, crashing, epoch }) => {
        const other = scene.capabilities(volume).movesBetweenAgents ? scene.agent(1).id : "elsewhere";
        const former = { agent: agent.id, epoch: epoch - 1n, bootId: null };
        const grant = scene.grant(volume, other, epoch);
        const done = await crashing((op) => scene.strategy.fence(op, volume, former, grant));
        await controller.fence(former, grant);
        const fenced = (await controller.observe()).fenced;
        demand(fenced.includes(agent.id), `after fence, observe says that the fenced agents are [${fenced}]`);
        await controller.unfence(agent.id);
        const left = (await controller.observe()).fenced;
        demand(!left.includes(agent.id), `after unfence, observe says that the fenced agents are [${left}]`);
        return done;
      }),
  },
  {
    id: "L2/I4-unfence-crash-replay",
    title: "unfence ended after any of its effects: the same call again lets the agent in",
    skip: ({ capabilities }) => noFence(capabilities),
    run: (scene) =>
      atEveryEffect(scene, "unfence", async ({ volume, controller, agent, crashing, epoch }) => {
        const grant = scene.grant(volume, scene.agent(1).id, epoch);
        await controller.fence({ agent: agent.id, epoch: epoch - 1n, bootId: null }, grant);
        const done = await crashing((op) => scene.strategy.unfence(op, volume, agent.id));
        await controller.unfence(agent.id);
        await controller.attach(agent.id, scene.grant(volume, agent.id, epoch));
        await controller.detach(agent.id);
        return done;
      }),
  },
  {
    id: "L2/I3-start-crash-replay",
    title: "prepare or mount ended after any effect, its tree killed: a new tree starts, with the data",
    run: (scene) =>
      nodeAtEveryEffect(scene, ["prepare", "mount"], async (run, verb, afterEffects) => {
        const done = await nodeUntil(run, verb, afterEffects);
        await crash(scene, run);
        const next = { ...run, half: await scene.half(run.agent) };
        await startNode(scene, next);
        await demandText(next, "kept", "before every crash");
        await next.half.unmount(run.volume);
        await next.half.release(run.volume);
        await next.half.kill();
        return done;
      }),
  },
  {
    id: "L2/I3-start-crash-reverse",
    title: "prepare or mount ended after any effect: unmount and release undo it in the same tree, and it starts again",
    run: (scene) =>
      nodeAtEveryEffect(scene, ["prepare", "mount"], async (run, verb, afterEffects) => {
        const done = await nodeUntil(run, verb, afterEffects);
        await run.half.unmount(run.volume);
        await run.half.release(run.volume);
        await startNode(scene, run);
        await demandText(run, "kept", "before every crash");
        await run.half.unmount(run.volume);
        await run.half.release(run.volume);
        await run.half.kill();
        return done;
      }),
  },
  {
    id: "L2/I6-stop-crash-replay",
    title: "unmount or release ended after any effect: the same call again succeeds, and no synced write is lost",
    run: (scene) =>
      nodeAtEveryEffect(scene, ["unmount", "release"], async (run, verb, afterEffects) => {
        await startNode(scene, run);
        await demandText(run, "kept", "before every crash");
        await writeSynced(run, `kept-${verb}-${afterEffects}`, "by this run");
        if (verb === "release") await run.half.unmount(run.volume);
        const done = await crashIn(run.half, verb, [run.volume], afterEffects);
        await run.half.unmount(run.volume);
        await run.half.release(run.volume);
        await startNode(scene, run);
        await demandText(run, `kept-${verb}-${afterEffects}`, "by this run");
        await run.half.unmount(run.volume);
        await run.half.release(run.volume);
        await run.half.kill();
        return done;
      }),
  },
];

interface ControllerScene {
  readonly volume: Started["volume"];
  readonly controller: ReturnType<Scene["controller"]>;
  readonly grant: Started["grant"];
  readonly agent: Started["agent"];
  readonly epoch: bigint;
  /** Ends the call at the crash point in turn; true when it came through. */
  readonly crashing: (call: (op: Op) => Promise<unknown>) => Promise<boolean>;
}

async function atEveryEffect(
  scene: Scene,
  verb: string,
  once: (state: ControllerScene) => Promise<boolean>,
): Promise<void> {
  const volume = await scene.volume();
  const controller = scene.controller(volume);
  const agent = scene.agent(0);
  for (let afterEffects = 0; afterEffects <= EFFECTS_MAX; afterEffects += 1) {
    const epoch = BigInt(afterEffects) + 2n;
    const grant = scene.grant(volume, agent.id, epoch);
    let seen: readonly string[] = [];
    const crashing = async (call: (op: Op) => Promise<unknown>) => {
      const { crashed, effects } = await controller.crash({ afterEffects }, call);
      seen = effects;
      return !crashed;
    };
    const done = await located(
      verb,
      () => seen,
      () => once({ volume, controller, grant, agent, epoch, crashing }),
    );
    if (done) {
      scene.measured[`effects of ${verb}`] = afterEffects;
      return;
    }
  }
  throw new Broken(`${verb} has more than ${EFFECTS_MAX} effects`);
}

/** For each verb and each of its effects a new tree on the same volume, with a higher epoch. */
async function nodeAtEveryEffect(
  scene: Scene,
  verbs: readonly string[],
  once: (run: Started, verb: string, afterEffects: number) => Promise<boolean>,
): Promise<void> {
  const volume = await scene.volume();
  const agent = scene.agent(0);
  let epoch = 1n;
  const first = await start(scene, volume, agent, epoch, { fresh: true });
  await writeSynced(first, "kept", "before every crash");
  await stop(scene, first);
  for (const verb of verbs) {
    for (let afterEffects = 0; ; afterEffects += 1) {
      if (afterEffects > EFFECTS_MAX) throw new Broken(`${verb} has more than ${EFFECTS_MAX} effects`);
      epoch += 1n;
      const grant = scene.grant(volume, agent.id, epoch);
      const context = await scene.controller(volume).take(grant);
      const run = { half: await scene.half(agent), volume, grant, context, agent, data: dataOf(volume) };
      const where = () => [`${afterEffects} effects`];
      const done = await located(verb, where, () => once(run, verb, afterEffects));
      await scene.controller(volume).detach(agent.id);
      if (done) {
        scene.measured[`effects of ${verb}`] = afterEffects;
        break;
      }
    }
  }
}

/** The node's start up to the crash point in one of its verbs; true when that verb came through. */
async function nodeUntil(run: Started, verb: string, afterEffects: number): Promise<boolean> {
  const { half, volume, context, grant } = run;
  const args = [volume, context, grant];
  if (verb === "prepare") return crashIn(half, "prepare", args, afterEffects);
  await half.prepare(volume, context, grant);
  return crashIn(half, verb, args, afterEffects);
}

async function crashIn(half: NodeHalf, verb: string, args: readonly unknown[], afterEffects: number): Promise<boolean> {
  const { error } = await half.report(verb, args, { crash: { afterEffects } });
  if (error === undefined) return true;
  if ((error.code as string) === CRASHED) return false;
  throw error;
}

/** Says after which effect the world was left that could not be put right. */
async function located<T>(verb: string, effects: () => readonly string[], act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const last = effects().at(-1) ?? "none";
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Broken(`${verb} ended after ${effects().length} effects (last: ${last}), then: ${why}`, { cause });
  }
}
