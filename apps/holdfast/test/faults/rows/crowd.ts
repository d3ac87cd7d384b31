import { randomBytes } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { acquireLease, createDirectoryStore, createZooKeeperStore, parseZooKeeperUrl } from "@holdfast/coordination";
import { type CoordinationStore, cutDeadline, isReached, storePaths, timeBudget } from "@holdfast/core";
import { monotonicMs, readMachineIdentity, systemClock } from "@holdfast/effects";
import {
  CANDIDATE,
  exitText,
  type FaultRow,
  formatDataRecord,
  HOLDER,
  type Played,
  quiet,
  type Scene,
  until,
  watchEnd,
} from "@holdfast/testkit";

/*
 * Many who wait. As many wrappers would fill the machine's memory, so they are the lease's own candidates, each
 * with a connection of its own, in one process; whoever wins writes for a moment and releases. What is tested is the
 * lease and its queue; the holder at the beginning is the real executable.
 */
const MANY = 200;
/** On one machine's own disk: more would only measure how one process shares its four file-system threads. */
const SOME = 25;
/** Written by each winner, or more where few must prove as much as many. */
const WRITES_MIN = 20;
const OPEN_AT_ONCE = 20;

async function openStores(scene: Scene, url: string, count: number): Promise<CoordinationStore[]> {
  const { timing } = scene.profile;
  const { silenceMs } = timeBudget(timing);
  const create = () => {
    if (url.startsWith("dir://")) return createDirectoryStore({ directory: url.slice("dir://".length) });
    return createZooKeeperStore({ ...parseZooKeeperUrl(url), silenceMs, sessionTimeoutMs: timing.leaseMs });
  };
  const stores: CoordinationStore[] = [];
  while (stores.length < count) {
    const batch = Array.from({ length: Math.min(OPEN_AT_ONCE, count - stores.length) }, create);
    await Promise.all(batch.map((store) => store.open({ timeoutMs: scene.profile.patienceMs })));
    stores.push(...batch);
  }
  return stores;
}

/** One candidate's life: waits, writes under its own epoch, releases. */
async function takeTurn(scene: Scene, store: CoordinationStore, number: number, log: Log): Promise<void> {
  const { service, profile } = scene;
  const { timing } = profile;
  const machine = readMachineIdentity();
  const identity = { service, agent: `crowd-${number}`, ...machine, pid: process.pid, task: null };
  const paths = {
    lease: storePaths.lease(service),
    history: storePaths.history(service),
    queue: storePaths.queue(service),
  };
  const signal = AbortSignal.timeout(profile.patienceMs * 2);
  const { lease, stamp } = await acquireLease(
    { store, paths, identity, timing, clock: systemClock },
    { volume: null, firstRun: false, leaseMsMax: timing.leaseMs, wait: { kind: "wait", limitMs: null }, signal },
  );
  const deadline = cutDeadline(stamp, timing);
  log.write(lease.epoch, lease.run, () => !isReached(deadline, systemClock.now()));
  const released = await lease.release({ kind: "released" }, null, signal);
  if (released.kind !== "released") throw new Error(`candidate ${number} could not release: ${released.why}`);
}

interface Log {
  write(epoch: bigint, run: string, mayWrite: () => boolean): void;
  readonly turns: { readonly firstMs: number; readonly lastMs: number }[];
  close(): void;
}

/** Appends to the same data file, and notes acknowledgements, exactly as the writers do. */
async function openLog(scene: Scene, directory: string, writes: number): Promise<Log> {
  const data = openSync(join(await scene.volumePath(CANDIDATE), "data", "records"), "a");
  const turns: { firstMs: number; lastMs: number }[] = [];
  return {
    turns,
    write(epoch, run, mayWrite) {
      const acks = openSync(join(directory, `${epoch}-${run}-${process.pid}-crowd.acks`), "a");
      writeSync(acks, `${epoch} ${run} ${process.pid}\n`);
      const firstMs = monotonicMs();
      for (let seq = 0; seq < writes && mayWrite(); seq += 1) {
        const value = randomBytes(4).toString("hex");
        const beforeNs = process.hrtime.bigint();
        writeSync(data, formatDataRecord({ epoch: String(epoch), run, pid: process.pid, seq, beforeNs, value }));
        writeSync(acks, `${seq} ${beforeNs} ${process.hrtime.bigint()} ${value}\n`);
      }
      fdatasyncSync(data);
      turns.push({ firstMs, lastMs: monotonicMs() });
      closeSync(acks);
    },
    close: () => closeSync(data),
  };
}

const crowdOf = (count: number) => (scene: Scene) => crowd(scene, count);

async function crowd(scene: Scene, count: number): Promise<Played> {
  const { profile, service } = scene;
  const holder = await scene.start(HOLDER);
  await scene.untilWritten(holder, profile.writesBefore);
  // The crowd runs in this process, so it reaches the store in the machine's own network.
  const { url } = await scene.access(CANDIDATE);
  const stores = await openStores(scene, url, count);
  const log = await openLog(
    scene,
    holder.directory,
    Math.max(WRITES_MIN, Math.ceil((2 * profile.writesAfter) / count)),
  );
  const end = watchEnd((await scene.treeOf(holder)).root);
  try {
    const turns = stores.map((store, number) => takeTurn(scene, store, number, log));
    const everyTurn = Promise.all(turns);
    // Awaited below; a failure until then must not end the process before the row can tell of it.
    everyTurn.catch(() => undefined);
    const [observer] = stores;
    const inLine = async () =>
      (await observer?.candidates(storePaths.queue(service), { timeoutMs: 10_000 }))?.length ?? 0;
    let seen = 0;
    await until(
      `${count} candidates in line`,
      async () => {
        seen = await inLine();
        return seen === count;
      },
      { timeoutMs: profile.patienceMs, intervalMs: 100, seen: () => `${seen}` },
    );
    const faultMs = await quiet.measure(async () => {
      const atMs = monotonicMs();
      process.kill(holder.pid, "SIGKILL");
      await until("the first turn", () => log.turns.length > 0, { timeoutMs: profile.patienceMs, intervalMs: 5 });
      return atMs;
    });
    await everyTurn;
    const holderExit = exitText(await holder.untilExit(profile.patienceMs));
    return {
      moments: { fault: faultMs, "tree-gone": end.lastAliveMs() },
      observed: `${seen} candidates in line, then kill -9 of the guard; from one's last write to the next one's first: ${quantiles(log.turns)}`,
      holderExit,
    };
  } finally {
    end.stop();
    log.close();
    await Promise.all(stores.map((store) => store.close()));
  }
}

function quantiles(turns: Log["turns"]): string {
  const gaps = turns.slice(1).map((turn, index) => turn.firstMs - (turns[index]?.lastMs ?? turn.firstMs));
  gaps.sort((a, b) => a - b);
  const at = (share: number) => (gaps[Math.floor((gaps.length - 1) * share)] ?? Number.NaN).toFixed(0);
  return `median ${at(0.5)} ms, 99 % ${at(0.99)} ms`;
}

const row = (count: number, store: "directory" | "zookeeper"): FaultRow => ({
  group: "those who wait",
  name: `${count} waiters, one after the other`,
  stores: [store],
  expected: { kind: "takeover", within: "fast", after: "tree-gone", runs: count + 1 },
  holderExit: ["SIGKILL"],
  play: crowdOf(count),
});

export const crowdRows: readonly FaultRow[] = [row(SOME, "directory"), row(MANY, "zookeeper")];
