import { monotonicMs } from "@holdfast/effects";
import type { ConformanceCase } from "../case.js";
import { Broken, codeOf, demand } from "../expect.js";
import { crash, demandText, killed, READ_AGAIN_MS, start, stop, writeSynced } from "../lifecycle.js";
import { formerOf, type Scene, type Started } from "../scene.js";

/** Nothing a run asks of a volume may take longer, whatever became of the server. */
const CALL_BOUND_MS = 30_000;
const RECORD = 64;
const RECORDS = 40;

export const faultCases: readonly ConformanceCase[] = [
  {
    id: "L4/I8-hung-servers-hang-nobody",
    title:
      "while the servers hang every call returns within its bound, SIGKILL ends the tree or says what is stuck, and cut keeps its time",
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      await writeSynced(first, "kept", "before the servers hung");
      const file = await first.half.help("open", { path: `${first.data}/kept` });
      scene.onEnd(() => scene.world.servers.resume());
      await scene.world.servers.hang();
      // As the application would; nobody waits for it.
      const write = first.half.help("write", { file, position: 4_096, pattern: "hung", length: 4_096 });
      write.catch(() => "its tree is killed");
      const grant = first.grant;
      await Promise.all([
        bounded(scene, "verify", () => first.half.verify(volume, grant, { timeoutMs: CALL_BOUND_MS })),
        bounded(scene, "metrics", () => first.half.metrics(volume, { timeoutMs: CALL_BOUND_MS })),
        bounded(scene, "unmount", () => first.half.unmount(volume, { timeoutMs: CALL_BOUND_MS })),
      ]);
      const startMs = monotonicMs();
      const end = await first.half.kill();
      scene.measure("kill", startMs);
      const { cut } = scene.capabilities(volume);
      if (end.kind === "stuck") {
        scene.fact(`SIGKILL left ${end.processes.length} processes in the kernel until the servers went on`);
        demand(cut !== "with-tree", `the tree did not end, and its end is the cut: ${end.processes.join(", ")}`);
      } else scene.fact("SIGKILL ended the tree");
      scene.fact(`cut while the servers hung: ${await scene.cutOutside(first.agent, volume)}`);
      await scene.world.servers.resume();
      const next = await again(scene, first);
      await demandText(next, "kept", "before the servers hung");
      await stop(scene, next);
    },
  },
  {
    id: "L4/I6-kill-everything",
    title:
      "SIGKILL to everything while it writes: the next run, elsewhere where it can be, has every acknowledged record",
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      const acknowledged = await writeRecords(first);
      await crash(scene, first);
      const second = await again(scene, first);
      await demandRecords(second, acknowledged);
      scene.measured["acknowledged records"] = acknowledged;
      await stop(scene, second);
    },
  },
  {
    id: "L4/I6-servers-killed",
    title:
      "SIGKILL to every server while a run has the volume: no call hangs, and after their start nothing synced is lost",
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      await writeSynced(first, "kept", "before the servers were killed");
      scene.onEnd(() => scene.world.servers.start());
      await scene.world.servers.kill();
      await bounded(scene, "verify", () => first.half.verify(volume, first.grant, { timeoutMs: CALL_BOUND_MS }));
      const end = await first.half.kill();
      demand(end.kind === "gone" || scene.capabilities(volume).cut !== "with-tree", "SIGKILL did not end the tree");
      await scene.cutOutside(first.agent, volume);
      await scene.world.servers.start();
      const second = await again(scene, first);
      await demandText(second, "kept", "before the servers were killed");
      await stop(scene, second);
    },
  },
  {
    id: "L4/I6-full-disk",
    title: "a volume that is full loses nothing that was acknowledged, hangs nothing, and can be released",
    skip: ({ servers }) => (servers.fill === undefined ? "the world cannot fill its volumes" : undefined),
    async run(scene) {
      const volume = await scene.volume();
      const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
      await writeSynced(first, "kept", "before it was full");
      const free = await scene.world.servers.fill?.(volume);
      demand(free !== undefined, "fill returned nothing");
      scene.onEnd(() => free());
      const written = await writeSynced(first, "more", "x".repeat(1 << 20)).then(
        () => "succeeded",
        (error: Error) => error.message,
      );
      demand(/ENOSPC|EDQUOT/.test(written), `a write to a full volume ${written}`);
      await bounded(scene, "verify", () => first.half.verify(volume, first.grant, { timeoutMs: CALL_BOUND_MS }));
      await bounded(scene, "metrics", () => first.half.metrics(volume, { timeoutMs: CALL_BOUND_MS }));
      await demandText(first, "kept", "before it was full");
      await free();
      await stop(scene, first);
      const second = await again(scene, first, { clean: true });
      await demandText(second, "kept", "before it was full");
      await stop(scene, second);
    },
  },
];

/** The next run: on the other agent where the volume moves, and with a former holder unless it ended cleanly. */
async function again(scene: Scene, first: Started, { clean } = { clean: false }): Promise<Started> {
  const moves = scene.capabilities(first.volume).movesBetweenAgents;
  const startMs = monotonicMs();
  const former = clean ? [] : [formerOf(first)];
  const next = await start(scene, first.volume, scene.agent(moves ? 1 : 0), 2n, { former });
  scene.measure("takeover", startMs);
  return next;
}

/** The call may succeed or fail with a code; it may not be silent. */
async function bounded(scene: Scene, what: string, call: () => Promise<unknown>): Promise<void> {
  const startMs = monotonicMs();
  const code = await codeOf(call());
  const tookMs = scene.measure(what, startMs);
  if (tookMs >= CALL_BOUND_MS) throw new Broken(`${what} did not return within ${CALL_BOUND_MS} ms`);
  scene.fact(`${what}: ${code ?? "answered"}`);
}

/** Appends until the tree is killed in the middle of it. Returns how many were acknowledged. */
async function writeRecords({ half, data }: Started): Promise<number> {
  const file = await half.help("open", { path: `${data}/journal`, create: true });
  for (let index = 0; index < RECORDS; index += 1) {
    await half.help("write", { file, position: index * RECORD, pattern: recordText(index), length: RECORD });
    await half.help("fsync", { file });
  }
  const last = half.help("write", { file, position: RECORDS * RECORD, pattern: "never acknowledged ", length: RECORD });
  last.catch(() => "its tree is killed");
  await killed(half);
  return RECORDS;
}

async function demandRecords({ half, data }: Started, count: number): Promise<void> {
  const limit = { timeoutMs: READ_AGAIN_MS };
  const text = await half.help("read", { path: `${data}/journal`, position: 0, length: count * RECORD }, limit);
  for (let index = 0; index < count; index += 1) {
    const seen = text.slice(index * RECORD, (index + 1) * RECORD);
    demand(
      seen === recordText(index),
      `acknowledged record ${index} of ${count} reads ${JSON.stringify(seen.slice(0, 20))}`,
    );
  }
}

const recordText = (index: number) => `record ${String(index).padStart(8, "0")} `.padEnd(RECORD, ".");
