import { monotonicMs } from "@holdfast/effects";
import {
  CANDIDATE,
  exitText,
  type FaultRow,
  HOLDER,
  leave,
  loseNextReply,
  olderStateAfterUnknownOutcome,
  type Played,
  type RequestKind,
  renewalReplyLost,
  rideOut,
  type Scene,
  setStage,
  stopCleanly,
  until,
  watchEnd,
} from "@holdfast/testkit";

const group = "messages of the ZooKeeper protocol lost";
const stores = ["proxied-zookeeper"] as const;
const UNDISTURBED = { kind: "undisturbed" } as const;

/** The very first run of a service: the reply to its first create, or to its takeover, is lost with the connection. */
function lostAtStart(kind: RequestKind, pathPart: string): (scene: Scene) => Promise<Played> {
  return async (scene) => {
    const { profile } = scene;
    await scene.access(HOLDER);
    const lost = loseNextReply(proxyOf(scene, HOLDER), kind, pathPart, "reset");
    const faultMs = monotonicMs();
    const holder = await scene.start(HOLDER);
    await until(`a reply to a ${kind} of …${pathPart} to be lost`, lost.done, {
      timeoutMs: profile.patienceMs,
      seen: () => scene.report(),
    });
    const rival = await scene.start(CANDIDATE);
    const winner = await until(
      "one of the two to write",
      () => [holder, rival].find((run) => run.acknowledged() >= profile.writesAfter),
      {
        timeoutMs: profile.patienceMs,
        seen: () => scene.report(),
      },
    );
    await leave(winner === holder ? rival : holder, profile.patienceMs);
    await stopCleanly(winner, profile.patienceMs);
    return { moments: { fault: faultMs }, observed: `${lost.what}; ${winner.name} started`, holderExit: undefined };
  };
}

/** The candidate's write that takes the lease over is carried out, and its reply lost. */
async function lostAtTakeover(scene: Scene): Promise<Played> {
  const { profile } = scene;
  const { holder, candidate, tree } = await setStage(scene);
  const end = watchEnd(tree.root);
  try {
    const lost = loseNextReply(proxyOf(scene, CANDIDATE), "set", "/lease", "reset");
    const faultMs = monotonicMs();
    holder.signal("SIGTERM");
    await scene.untilWritten(candidate, profile.writesAfter);
    const holderExit = exitText(await holder.untilExit(profile.patienceMs));
    await stopCleanly(candidate, profile.patienceMs);
    if (!lost.done()) throw new Error("the takeover's reply was never lost");
    return { moments: { fault: faultMs, "tree-gone": end.lastAliveMs() }, observed: lost.what, holderExit };
  } finally {
    end.stop();
  }
}

/** A candidate's place in the queue is made and the reply lost; what is left of it must not hold the hand-over up. */
async function lostInQueue(scene: Scene): Promise<Played> {
  const { profile } = scene;
  const holder = await scene.start(HOLDER);
  await scene.untilWritten(holder, profile.writesBefore);
  await scene.access(CANDIDATE);
  const lost = loseNextReply(proxyOf(scene, CANDIDATE), "create", "/queue", "reset");
  const candidate = await scene.start(CANDIDATE);
  await until("a reply to be lost", lost.done, { timeoutMs: profile.patienceMs, seen: () => scene.report() });
  await scene.untilPhase(candidate, "waiting-for-lease");
  const end = watchEnd((await scene.treeOf(holder)).root);
  try {
    const faultMs = monotonicMs();
    holder.signal("SIGTERM");
    await scene.untilWritten(candidate, profile.writesAfter);
    const holderExit = exitText(await holder.untilExit(profile.patienceMs));
    await stopCleanly(candidate, profile.patienceMs);
    return { moments: { fault: faultMs, "tree-gone": end.lastAliveMs() }, observed: lost.what, holderExit };
  } finally {
    end.stop();
  }
}

function proxyOf(scene: Scene, agent: string) {
  const { proxy } = scene.store;
  if (proxy === undefined) throw new Error("this scene has no proxies");
  return proxy(agent);
}

const LAPSE_AFTER_STOP = { kind: "takeover", within: "lease", after: "tree-gone" } as const;

export const protocolRows: readonly FaultRow[] = [
  {
    group,
    name: "reply lost in the create of the record",
    stores,
    expected: { kind: "started" },
    play: lostAtStart("create", "/lease"),
  },
  {
    group,
    name: "reply lost in the first takeover",
    stores,
    expected: { kind: "started" },
    play: lostAtStart("set", "/lease"),
  },
  {
    group,
    name: "reply lost in the create of a place in the queue",
    stores,
    expected: LAPSE_AFTER_STOP,
    holderExit: [0],
    play: lostInQueue,
  },
  {
    group,
    name: "reply lost in a takeover",
    stores,
    short: stores,
    expected: LAPSE_AFTER_STOP,
    holderExit: [0],
    play: lostAtTakeover,
  },
  {
    group,
    name: "reply lost in a renewal",
    stores,
    expected: UNDISTURBED,
    play: rideOut(() => renewalReplyLost("reset")),
  },
  {
    group,
    name: "connection cut in the middle of a renewal's reply",
    stores,
    short: stores,
    expected: UNDISTURBED,
    play: rideOut(() => renewalReplyLost("cut")),
  },
  {
    group,
    name: "an older state read back after an unknown outcome",
    stores,
    expected: UNDISTURBED,
    play: rideOut(() => olderStateAfterUnknownOutcome(2)),
  },
];
