import { monotonicMs } from "@holdfast/effects";
import type { Run, Scene } from "@holdfast/testkit";

/** What an operator does after the store was lost; then a new candidate comes at once. */
export async function recover(
  scene: Scene,
  agent: string,
): Promise<{ readonly atMs: number; readonly successor: Run }> {
  const { timing } = scene.profile;
  await scene.tool(
    agent,
    "lock",
    "recover",
    "--epoch-above",
    "1",
    "--lease-ms-max",
    String(timing.leaseMs),
    "--confirm",
  );
  const successor = await scene.start(agent);
  await scene.untilPhase(successor, "waiting-for-lease");
  return { atMs: monotonicMs(), successor };
}
