import { monotonicMs } from "@holdfast/effects";
import {
  asAdmin,
  CANDIDATE,
  exitText,
  type FaultRow,
  type Played,
  rideOut,
  type Scene,
  serverHung,
  serverRestarted,
  setStage,
  stopCleanly,
  strike,
  watchEnd,
} from "@holdfast/testkit";
import { recover } from "./recover.js";

const group = "the only ZooKeeper server";
const stores = ["own-zookeeper"] as const;
const UNDISTURBED = { kind: "undisturbed" } as const;
const AFTER_HEALING = { kind: "stopped-then-takeover", within: "lease", after: "healed" } as const;
const LOST = [80];

/** The server is away for three leases: the holder must have stopped by then, and afterwards the candidate takes over. */
function outage(when: "connected" | "before-handshake"): (scene: Scene) => Promise<Played> {
  return async (scene) => {
    const { profile } = scene;
    const stage = await setStage(scene);
    const end = watchEnd(stage.tree.root);
    try {
      const { atMs, injected, healing } = await strike(serverHung(profile.longFaultMs, when), stage);
      const holderExit = exitText(await stage.holder.untilExit(profile.patienceMs));
      const healed = await healing;
      await scene.untilWritten(stage.candidate, profile.writesAfter);
      await stopCleanly(stage.candidate, profile.patienceMs);
      return {
        moments: { fault: atMs, "tree-gone": end.lastAliveMs(), ...(healed && { healed: healed.atMs }) },
        observed: `${injected.observed}; ${healed?.observed}`,
        holderExit,
      };
    } finally {
      end.stop();
    }
  };
}

/** The server comes back empty. Nobody may start on it by himself; an operator says what the last epoch was. */
async function dataLost(scene: Scene): Promise<Played> {
  const { profile, store } = scene;
  const { server } = store;
  if (server === undefined) throw new Error("this scene has no server of its own");
  const { holder, candidate } = await setStage(scene);
  const faultMs = monotonicMs();
  await server.kill();
  server.wipe();
  await server.start();
  const children = await asAdmin(`${server.host}:${server.port}`, (admin) => admin.children("/"));
  const holderExit = exitText(await holder.untilExit(profile.patienceMs));
  const refused = exitText(await candidate.untilExit(profile.patienceMs));
  const { atMs, successor } = await recover(scene, CANDIDATE);
  await scene.untilWritten(successor, profile.writesAfter);
  await stopCleanly(successor, profile.patienceMs);
  if (refused !== 82) throw new Error(`the candidate that waited ended with ${refused}, expected 82`);
  return {
    moments: { fault: faultMs, healed: atMs },
    observed: `the new server holds ${children.join(", ")} and nothing else`,
    holderExit,
  };
}

export const serverRows: readonly FaultRow[] = [
  {
    group,
    name: "server restarted",
    stores,
    expected: UNDISTURBED,
    play: rideOut(() => serverRestarted("stop")),
  },
  {
    group,
    name: "server killed with -9 and started again",
    stores,
    expected: UNDISTURBED,
    play: rideOut(() => serverRestarted("kill")),
  },
  {
    group,
    name: "server hangs for a quarter of a lease",
    stores,
    // And not a restart: on a small machine a Java process takes longer to start than a lease of 3 s lets one ride out.
    short: stores,
    expected: UNDISTURBED,
    play: rideOut(({ profile }) => serverHung(profile.shortFaultMs, "connected")),
  },
  {
    group,
    name: "server hangs for three leases",
    stores,
    expected: AFTER_HEALING,
    holderExit: LOST,
    play: outage("connected"),
  },
  {
    group,
    name: "server hangs before the handshake for a quarter of a lease",
    stores,
    expected: UNDISTURBED,
    play: rideOut(({ profile }) => serverHung(profile.shortFaultMs, "before-handshake")),
  },
  {
    group,
    name: "server hangs before the handshake for three leases",
    stores,
    expected: AFTER_HEALING,
    holderExit: LOST,
    play: outage("before-handshake"),
  },
  {
    group,
    name: "server killed, its data lost, started again empty",
    stores,
    volume: "shared",
    expected: AFTER_HEALING,
    holderExit: LOST,
    play: dataLost,
  },
];
