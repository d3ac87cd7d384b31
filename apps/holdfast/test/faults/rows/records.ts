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
    const holder = await scene.start(HOLDER);
    const present = early ? [await scene.start(CANDIDATE)] : [];
    await scene.untilWritten(holder, profile.writesBefore);
    for (const run of present) await scene.untilPhase(run, "waiting-for-lease");
    const end = watchEnd((await scene.treeOf(holder)).root);
    try {
      const access = await scene.access(HOLDER);
      if (cut) await access.cut();
      const faultMs = monotonicMs();
      if (what === "lease") await scene.store.deleteLease(scene.service);
      else await scene.store.empty();
      const removedMs = monotonicMs();
      const { atMs, successor } = await succeed(scene, what, present);
      await scene.untilWritten(successor, profile.writesAfter);
      if (cut) {
        await pause(Math.max(0, faultMs + profile.longFaultMs - monotonicMs()));
        await access.heal();
        await scene.untilWritten(successor, successor.acknowledged() + WRITES_AFTER_HEALING);
      }
      const holderExit = exitText(await holder.untilExit(profile.patienceMs));
      await until("the holder's tree to be gone", () => end.gone(), { timeoutMs: profile.patienceMs });
      await stopCleanly(successor, profile.patienceMs);
      const seen = cut ? `holder ${access.observe()}, ` : "";
      return {
        moments: { fault: faultMs, "tree-gone": end.lastAliveMs(), healed: atMs },
        observed: `${seen}${what === "lease" ? "lease record" : "everything"} removed in ${(removedMs - faultMs).toFixed(0)} ms`,
        holderExit,
      };
    } finally {
      end.stop();
    }
  };
}

/** With the record gone a candidate that starts at once waits a lease; with everything gone it is refused until an operator has spoken. */
async function succeed(
  scene: Scene,
  what: Removal["what"],
  present: readonly Run[],
): Promise<{ readonly atMs: number; readonly successor: Run }> {
  const { patienceMs } = scene.profile;
  const candidate = present[0] ?? (await scene.start(CANDIDATE));
  if (what === "lease") {
    await scene.untilPhase(candidate, "waiting-for-lease");
    return { atMs: monotonicMs(), successor: candidate };
  }
  const refused = exitText(await candidate.untilExit(patienceMs));
  if (refused !== 82) throw new Error(`the candidate on the emptied store ended with ${refused}, expected 82`);
  return recover(scene, CANDIDATE);
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
