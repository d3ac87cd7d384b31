import type { AttachContext, FormerHolder, Grant, Volume, VolumeDecision, VolumeEvidence } from "@holdfast/core";
import { decideVolume } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import type { StorageAgent } from "../world.js";
import { Broken, demand } from "./expect.js";
import type { NodeHalf } from "./node-half.js";
import type { Scene, Started } from "./scene.js";

const LEASE_MS = 10_000;
/** A write that was in flight when its client died may keep a piece of the file locked at the server for a while. */
export const READ_AGAIN_MS = 150_000;

export interface StartOptions {
  /** Runs that ended without releasing. */
  readonly former?: readonly FormerHolder[];
  /** A volume nobody used before: it is formatted where that is done, and marked. */
  readonly fresh?: boolean;
  /** An earlier one, of the same grant. */
  readonly grant?: Grant;
}

/** From a grant that was won to where the application could start, in the order of the architecture. */
export async function start(
  scene: Scene,
  volume: Volume,
  agent: StorageAgent,
  epoch: bigint,
  options: StartOptions = {},
): Promise<Started> {
  const grant = options.grant ?? scene.grant(volume, agent.id, epoch);
  const startMs = monotonicMs();
  const context = await scene.controller(volume).take(grant, options.former);
  scene.measure("take", startMs);
  const half = await scene.half(agent);
  return startNode(scene, { half, volume, grant, context, agent, data: dataOf(volume) }, options);
}

export const dataOf = (volume: Volume) => `${volume.mountPath}/data`;

export async function startNode(scene: Scene, run: Started, { fresh }: StartOptions = {}): Promise<Started> {
  const { half, volume, grant, context } = run;
  const startMs = monotonicMs();
  await half.prepare(volume, context, grant);
  if (fresh === true && scene.strategy.format !== undefined) await half.format(volume, context, grant);
  await checked(half, volume, context, grant);
  await half.mount(volume, context, grant);
  if (fresh === true) await half.help("mark", { path: volume.mountPath, service: volume.service, role: volume.role });
  const evidence = await demandUsable(half, volume, grant);
  await half.help("recordEpoch", {
    path: volume.mountPath,
    epoch: grant.epoch,
    run: grant.run,
    agent: grant.agent,
    leaseMs: LEASE_MS,
  });
  scene.record(volume, grant, evidence.mark?.volumeId ?? "");
  scene.measure("start", startMs);
  return run;
}

/** Check, and the repair that needs nobody's look. */
async function checked(half: NodeHalf, volume: Volume, context: AttachContext, grant: Grant): Promise<void> {
  let check = await half.check(volume, context);
  if (check.state === "needs-repair" && check.safeToRepair) check = await half.repair(volume, context, grant, "safe");
  demand(check.state === "clean", `check says ${check.state}: ${check.findings.join("; ")} (${check.command})`);
}

/** What a run decides on the evidence of `verify`. */
export async function decide(
  half: NodeHalf,
  volume: Volume,
  grant: Grant,
): Promise<VolumeDecision & { evidence: VolumeEvidence }> {
  const evidence = await half.verify(volume, grant);
  return { ...decideVolume(evidence, { service: volume.service, epoch: grant.epoch, run: grant.run }), evidence };
}

export async function demandUsable(half: NodeHalf, volume: Volume, grant: Grant): Promise<VolumeEvidence> {
  const decision = await decide(half, volume, grant);
  if (decision.kind === "refused") throw new Broken(`a good volume is refused: ${decision.code} ${decision.message}`);
  return decision.evidence;
}

/** A clean end: nothing is left that a successor would have to wait for. */
export async function stop(scene: Scene, { half, volume, agent }: Started): Promise<void> {
  const startMs = monotonicMs();
  await half.unmount(volume);
  await half.release(volume);
  await killed(half);
  demand((await scene.cutOutside(agent, volume)) === "cut", "after a clean unmount, cut is incomplete");
  await scene.controller(volume).detach(agent.id);
  scene.measure("stop", startMs);
}

/** SIGKILL to all of a run's processes, and the cut that follows. Says what the cut did. */
export async function crash(scene: Scene, { half, volume, agent }: Started): Promise<string> {
  await killed(half);
  return scene.cutOutside(agent, volume);
}

export async function killed(half: NodeHalf): Promise<void> {
  const end = await half.kill();
  if (end.kind === "stuck") throw new Broken(`SIGKILL did not end the tree: ${end.processes.join(", ")}`);
}

/** An acknowledged write: fsync has returned. */
export async function writeSynced({ half, data }: Started, name: string, text: string): Promise<void> {
  const file = await half.help("open", { path: `${data}/${name}`, create: true });
  try {
    await half.help("write", { file, position: 0, pattern: text, length: text.length });
    await half.help("fsync", { file });
  } finally {
    // An open file would keep the volume from being unmounted, as a living application does.
    await half.help("close", { file });
  }
}

export async function demandText({ half, data }: Started, name: string, text: string): Promise<void> {
  const names = (await half.help("list", { path: data })) ?? [];
  demand(
    names.includes(name),
    `the acknowledged file ${name} is not there; there is: ${names.join(", ") || "nothing"}`,
  );
  const limit = { timeoutMs: READ_AGAIN_MS };
  const seen = await half.help("read", { path: `${data}/${name}`, position: 0, length: text.length }, limit);
  demand(seen === text, `the acknowledged text of ${name} is ${JSON.stringify(seen.slice(0, 60))}`);
}
