import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import {
  CANDIDATE,
  exitText,
  type FaultRow,
  HOLDER,
  type Played,
  type Run,
  type Scene,
  stopCleanly,
  until,
  watchEnd,
} from "@holdfast/testkit";
import { recover } from "./recover.js";

const group = "records removed by hand";
const stores = ["directory", "zookeeper"] as const;
/** The record is created again held by nobody; whoever held it may live for a whole lease. */
const LAPSE = { kind: "takeover", within: "lease", after: "healed" } as const;
const LOST = [80];
const STORE_LOST = 82;
const WRITES_AFTER_HEALING = 50;

interface Removal {
  readonly what: "lease" | "everything";
  /** The holder cannot see it. */
  readonly cut: boolean;
  /** The candidate has waited since before the holder's very first start, so it has seen neither history nor volume. */
  readonly early?: boolean;
}

function removal({ what, cut, early = false }: Removal): (scene: Scene) => Promise<Played> {
  return async (scene) => {
    const { profile } = scene;
    const { holder, waiting } = early ? await race(scene) : { holder: await scene.start(HOLDER), waiting: undefined };
    await scene.untilWritten(holder, profile.writesBefore);
    const end = watchEnd((await scene.treeOf(holder)).root);
    try {
      const access = await scene.access(holder.agent);
      if (cut) await access.cut();
      const faultMs = monotonicMs();
      if (what === "lease") await scene.store.deleteLease(scene.service);
      else await scene.store.empty();
      const removedMs = monotonicMs();
      const seen = cut ? access.observe() : "connected";
      const { atMs, successor } = await succeed(scene, waiting ?? (await scene.start(CANDIDATE)));
      await scene.untilWritten(successor, profile.writesAfter);
      if (cut) {
        await pause(Math.max(0, faultMs + profile.longFaultMs - monotonicMs()));
        await access.heal();
        await scene.untilWritten(successor, successor.acknowledged() + WRITES_AFTER_HEALING);
      }
      const holderExit = exitText(await holder.untilExit(profile.patienceMs));
      await until("the holder's tree to be gone", () => end.gone(), { timeoutMs: profile.patienceMs });
      await stopCleanly(successor, profile.patienceMs);
      const removed = what === "lease" ? "lease record" : "everything";
      return {
        moments: { fault: faultMs, "tree-gone": end.lastAliveMs(), healed: atMs },
        observed: `${removed} removed in ${(removedMs - faultMs).toFixed(0)} ms; holder ${seen}; successor ${successor.name}`,
        holderExit,
      };
    } finally {
      end.stop();
    }
  };
}

/** Two runs of a service that never ran, at the same time: the one that loses has seen an empty volume and no history. */
async function race(scene: Scene): Promise<{ readonly holder: Run; readonly waiting: Run }> {
  const { profile } = scene;
  const runs = [await scene.start(HOLDER), await scene.start(CANDIDATE)] as const;
  const holder = await until("one of the two to write", () => runs.find((run) => run.acknowledged() > 0), {
    timeoutMs: profile.patienceMs,
    seen: () => scene.report(),
  });
  const waiting = holder === runs[0] ? runs[1] : runs[0];
  await scene.untilPhase(waiting, "waiting-for-lease");
  return { holder, waiting };
}

/**
 * A candidate may wait a whole lease on a record that it created, or be refused because the store knows less than the
 * volume; which of them depends on whether the holder that lost its record could still write its last words.
 */
async function succeed(scene: Scene, candidate: Run): Promise<{ readonly atMs: number; readonly successor: Run }> {
  await until(
    "the candidate to wait or to be refused",
    async () => candidate.exit() !== undefined || (await scene.wrapper.phase(candidate)) === "waiting-for-lease",
    { timeoutMs: scene.profile.patienceMs, seen: () => candidate.log() },
  );
  const waitingMs = monotonicMs();
  const exit = await until(
    "the candidate to be refused or to write",
    () => candidate.exit() ?? candidate.acknowledged() > 0,
    {
      timeoutMs: scene.profile.patienceMs,
      seen: () => candidate.log(),
    },
  );
  if (exit === true) return { atMs: waitingMs, successor: candidate };
  if (exitText(exit) !== STORE_LOST)
    throw new Error(`the candidate ended with ${exitText(exit)}, expected ${STORE_LOST}`);
  return recover(scene, candidate.agent);
}

const row = (name: string, options: Removal, more: Partial<FaultRow> = {}): FaultRow => ({
  group,
  name,
  stores,
  expected: LAPSE,
  holderExit: LOST,
  play: removal(options),
  ...more,
});

export const recordRows: readonly FaultRow[] = [
  row(
    "lease record deleted, holder connected, candidate at once",
    { what: "lease", cut: false },
    { short: ["zookeeper"] },
  ),
  row(
    "lease record deleted, holder cut off, candidate at once",
    { what: "lease", cut: true },
    { short: ["directory"] },
  ),
  row("store emptied, holder connected, candidate at once, operator recovers at once", {
    what: "everything",
    cut: false,
  }),
  row("store emptied, holder cut off, candidate at once, operator recovers at once", { what: "everything", cut: true }),
  row("store emptied, holder cut off, candidate waiting since before the first start", {
    what: "everything",
    cut: true,
    early: true,
  }),
];
