import { monotonicMs } from "@holdfast/effects";
import {
  breakConnections,
  CANDIDATE,
  type EnsembleServer,
  type Fault,
  type FaultRow,
  fourLetterWord,
  HOLDER,
  leave,
  type Played,
  type Run,
  rideOut,
  type Scene,
  stateOfPid,
  stopCleanly,
  takeover,
  until,
  type ZooKeeperEnsemble,
} from "@holdfast/testkit";

const group = "an ensemble of three";
const stores = ["ensemble"] as const;
const UNDISTURBED = { kind: "undisturbed" } as const;
const LIMIT_MS = 30_000;

function ensembleOf(scene: Scene): ZooKeeperEnsemble {
  const { ensemble } = scene.store;
  if (ensemble === undefined) throw new Error("this scene has no ensemble");
  return ensemble;
}

/** The server that an agent's connection is on, as the servers themselves say. */
async function serverOf(scene: Scene, agent: string): Promise<EnsembleServer> {
  const { machine } = await scene.access(agent);
  if (machine === undefined) throw new Error(`${agent} has no machine of its own`);
  return until(
    `a server that ${agent} is connected to`,
    async () => {
      for (const server of ensembleOf(scene).servers) {
        if ((await fourLetterWord(server.host, server.port, "cons")).includes(`/${machine.address}:`)) return server;
      }
      return undefined;
    },
    { timeoutMs: LIMIT_MS },
  );
}

/** A leader that hangs is another fault, and takes as long as its followers' patience: the holder is moved to a follower. */
async function moveToFollower(scene: Scene, agent: string): Promise<EnsembleServer> {
  return until(
    `${agent} to be on a follower`,
    async () => {
      const server = await serverOf(scene, agent);
      if ((await server.mode()) === "follower") return server;
      await breakConnections(scene, agent, server.port);
      return undefined;
    },
    { timeoutMs: LIMIT_MS, intervalMs: 100 },
  );
}

/** One of the three hangs (SIGSTOP): the one that the holder is on. */
const ownServerHung = (durationMs: number): Fault => ({
  durationMs,
  async inject({ scene, holder }) {
    const server = await moveToFollower(scene, holder.agent);
    await server.pause();
    await until("the server to be stopped", () => stateOfPid(server.pid) === "T", {
      timeoutMs: LIMIT_MS,
      intervalMs: 2,
    });
    return {
      observed: `follower ${server.host} ${stateOfPid(server.pid)}`,
      async heal() {
        const state = stateOfPid(server.pid);
        await server.resume();
        await ensembleOf(scene).whenComplete();
        return `at the end: ${state}, the holder on ${(await serverOf(scene, holder.agent)).host}`;
      },
    };
  },
});

/** The leader dies; the other two elect another one. */
const leaderKilled = (): Fault => ({
  durationMs: 0,
  async inject({ scene }) {
    const ensemble = ensembleOf(scene);
    const leader = await ensemble.leader();
    const fromMs = monotonicMs();
    await leader.kill();
    const next = await ensemble.leader();
    const electedMs = monotonicMs() - fromMs;
    if (electedMs >= scene.profile.rideOutMs)
      throw new Error(`a new leader took ${electedMs.toFixed(0)} ms, which nobody promised to ride out`);
    return {
      observed: `leader ${leader.host} gone, ${next.host} leads after ${electedMs.toFixed(0)} ms`,
      async heal() {
        await leader.start();
        await ensemble.whenComplete();
        return `${leader.host} back as ${await leader.mode()}`;
      },
    };
  },
});

/** The holder can reach one follower only, and that follower is cut off from the other servers. */
const followerCutOff = (durationMs: number): Fault => ({
  durationMs,
  async inject({ scene, holder }) {
    const ensemble = ensembleOf(scene);
    const own = await serverOf(scene, holder.agent);
    const others = ensemble.servers.filter((server) => server !== own);
    for (const other of others) await ensemble.cutLink(own, other);
    return {
      observed: `${await own.mode()} ${own.host} cut off from ${others.map((server) => server.host).join(" and ")}`,
      async heal() {
        const dropped = await own.machine.dropped();
        await ensemble.healLinks();
        await ensemble.whenComplete();
        return `${dropped} packets dropped there`;
      },
    };
  },
});

/** The holder's agent reaches one follower and no other server; the candidate's agent reaches the others only. */
async function onSides(scene: Scene): Promise<void> {
  const ensemble = ensembleOf(scene);
  const [own] = await ensemble.followers();
  if (own === undefined) throw new Error("the ensemble has no follower");
  const others = ensemble.servers.filter((server) => server !== own).map((server) => server.host);
  await (await scene.access(HOLDER)).machine?.drop(others);
  await (await scene.access(CANDIDATE)).machine?.drop([own.host]);
}

/** One of the three hangs before anybody has connected: whoever starts must find the way round. */
async function hungAtStart(scene: Scene): Promise<Played> {
  const { profile } = scene;
  const ensemble = ensembleOf(scene);
  const [server] = await ensemble.followers();
  if (server === undefined) throw new Error("the ensemble has no follower");
  await server.pause();
  try {
    const faultMs = monotonicMs();
    // Each picks its first server by chance; among several starts some meet the one that hangs.
    const runs: Run[] = [];
    for (const agent of [HOLDER, CANDIDATE, "c", "d"]) runs.push(await scene.start(agent));
    const winner = await until(
      "one of them to write",
      () => runs.find((run) => run.acknowledged() >= profile.writesAfter),
      {
        timeoutMs: profile.patienceMs,
        seen: () => scene.report(),
      },
    );
    for (const run of runs) if (run !== winner) await scene.untilPhase(run, "waiting-for-lease");
    const state = stateOfPid(server.pid);
    for (const run of runs) if (run !== winner) await leave(run, profile.patienceMs);
    await stopCleanly(winner, profile.patienceMs);
    return {
      moments: { fault: faultMs },
      observed: `follower ${server.host} ${state} all the time; ${runs.length} runs connected`,
      holderExit: undefined,
    };
  } finally {
    server.resume();
    await ensemble.whenComplete();
  }
}

export const ensembleRows: readonly FaultRow[] = [
  {
    group,
    name: "the holder's server hangs for three leases, the other two do not",
    stores,
    expected: UNDISTURBED,
    play: rideOut(({ profile }) => ownServerHung(profile.longFaultMs)),
  },
  {
    group,
    name: "one server hangs before the handshake of those who start",
    stores,
    expected: { kind: "started" },
    play: hungAtStart,
  },
  {
    group,
    name: "the leader killed with -9",
    stores,
    expected: UNDISTURBED,
    play: rideOut(leaderKilled),
  },
  {
    group,
    name: "the holder's follower cut off from the leader for three leases",
    stores,
    expected: { kind: "takeover", within: "lease", after: "fault" },
    holderExit: [80],
    play: async (scene) => {
      await onSides(scene);
      return takeover(({ profile }) => followerCutOff(profile.longFaultMs))(scene);
    },
  },
];
