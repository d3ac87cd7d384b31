import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import type { ConformanceCase } from "../case.js";
import { Broken, demand, demandRefused } from "../expect.js";
import { crash, demandText, READ_AGAIN_MS, start, stop, writeSynced } from "../lifecycle.js";
import { formerOf, type Scene, type Started } from "../scene.js";
import { staysPut } from "./l0-plan.js";

const BLOCK = 4_096;
/** Longer than any client needs to notice; a write that hangs is no write. */
const LATE_WRITE_MS = 3_000;
const FILE = "records";

export const lateCases: readonly ConformanceCase[] = [
  {
    id: "L4/I4-late-write-is-absent",
    title:
      "holder cut from storage, fenced, healed: what it writes late through an old descriptor, buffered or direct, on an unlocked file, is not there",
    skip: ({ capabilities }) => staysPut(capabilities),
    demanded: "of-fenced-grades",
    async run(scene) {
      const { volume, first } = await holder(scene);
      const file = `${first.data}/${FILE}`;
      const buffered = await first.half.help("open", { path: file });
      const direct = await first.half.help("open", { path: file, direct: true });
      await first.agent.cut();
      const inFlight = lateWrite(first, buffered, 0, "flight");
      const second = await takeOver(scene, first);
      scene.fact(`while cut off: buffered write ${await inFlight}`);
      await first.agent.heal();
      const untilMs = monotonicMs() + scene.afterHealingMs;
      for (let round = 0; round === 0 || monotonicMs() < untilMs; round += 1) {
        const outcomes = await Promise.all([
          lateWrite(first, buffered, 0, "late-b"),
          lateWrite(first, direct, BLOCK, "late-d"),
        ]);
        if (round === 0) scene.fact(`after healing: buffered ${outcomes[0]}, direct ${outcomes[1]}`);
        await demandSuccessors(second, "while the former holder still writes");
        await pause(Math.max(0, Math.min(1_000, untilMs - monotonicMs())));
      }
      // Its kernel hands over what it still has when its last process goes.
      await first.half.kill();
      await demandSuccessors(second, "after the former holder's end");
      await stop(scene, second);
      const third = await start(scene, volume, scene.agent(1), 3n);
      await demandSuccessors(third, "after a new mount");
      await stop(scene, third);
    },
  },
  {
    id: "L4/I6-lost-update",
    title: "unsynced writes in flight, agent cut off, application killed, healed: what the successor synced stands",
    skip: ({ capabilities }) => staysPut(capabilities),
    async run(scene) {
      const { volume, first } = await holder(scene);
      const file = await first.half.help("open", { path: `${first.data}/${FILE}` });
      await first.agent.cut();
      scene.fact(`unsynced write while cut off: ${await lateWrite(first, file, 0, "flight", { sync: false })}`);
      const cut = await crash(scene, first);
      if (cut === "incomplete" && !scene.capabilities(volume).fences) {
        scene.fact("cut is incomplete and nothing fences: a successor waits for a person");
        return;
      }
      const second = await takeOver(scene, first);
      await first.agent.heal();
      const untilMs = monotonicMs() + Math.min(scene.afterHealingMs, 15_000);
      while (monotonicMs() < untilMs) {
        await demandSuccessors(second, "after healing");
        await pause(500);
      }
      await stop(scene, second);
      const third = await start(scene, volume, scene.agent(1), 3n);
      await demandSuccessors(third, "after a new mount");
      await stop(scene, third);
    },
  },
  {
    id: "L4/I4-late-agent-comes-back-clean",
    title: "an agent that comes back after a takeover is let in again once its run is gone, and reads what is current",
    skip: ({ capabilities }) => staysPut(capabilities),
    async run(scene) {
      const { volume, first } = await holder(scene);
      await first.agent.cut();
      const second = await takeOver(scene, first);
      await first.agent.heal();
      await first.half.kill();
      await scene.cutOutside(first.agent, volume);
      await stop(scene, second);
      const back = await start(scene, volume, first.agent, 3n);
      await demandSuccessors(back, "on the agent that came back");
      await writeSynced(back, "again", "written after coming back");
      await demandText(back, "again", "written after coming back");
      await stop(scene, back);
    },
  },
  {
    id: "L4/I1-a-dead-client-s-claim-ends",
    title:
      "a claim held by a client that is cut off is refused to others, and is free after the fence, or after its bound",
    skip: ({ capabilities }) =>
      staysPut(capabilities) ?? (capabilities.crossAgentLocks ? undefined : "crossAgentLocks: false"),
    async run(scene) {
      const { volume, first } = await holder(scene);
      const path = `${volume.mountPath}/.holdfast/claim`;
      demand((await first.half.help("lock", { path })) !== null, "the first holder cannot take its claim");
      await first.half.stop();
      await first.agent.cut();
      const startMs = monotonicMs();
      const second = await takeOver(scene, first);
      const { fences, claimWaitMs } = scene.capabilities(volume);
      const limitMs = startMs + CLAIM_SLACK_MS + claimWaitMs;
      for (;;) {
        const lock = await second.half.help("lock", { path });
        if (lock !== null) {
          await second.half.help("unlock", { lock });
          break;
        }
        if (monotonicMs() > limitMs) {
          throw new Broken(`the claim was not free ${claimWaitMs} ms after the ${fences ? "fence" : "cut"}`);
        }
        await pause(200);
      }
      scene.measure("claim free", startMs);
      await first.agent.heal();
      await first.half.kill();
      await stop(scene, second);
    },
  },
];

const CLAIM_SLACK_MS = 10_000;

/** A run with a file of two blocks that nobody has locked. */
async function holder(scene: Scene): Promise<{ readonly volume: Started["volume"]; readonly first: Started }> {
  const volume = await scene.volume();
  const first = await start(scene, volume, scene.agent(0), 1n, { fresh: true });
  await writeSynced(first, FILE, "first-".repeat(BLOCK / 3));
  return { volume, first };
}

/** The next run, on the other agent, of a run that did not release; it overwrites the file and syncs it. */
async function takeOver(scene: Scene, first: Started): Promise<Started> {
  const startMs = monotonicMs();
  const second = await start(scene, first.volume, scene.agent(1), 2n, { former: [formerOf(first)] });
  scene.measure("takeover", startMs);
  const { fences } = scene.capabilities(first.volume);
  if (fences) {
    const stale = scene.grant(first.volume, first.agent.id, 1n);
    const own = { agent: second.agent.id, epoch: 2n, bootId: null };
    await demandRefused(scene.controller(first.volume).fence(own, stale), ["STALE_EPOCH"], "fence by the former epoch");
  }
  await writeSynced(second, FILE, successorText);
  return second;
}

const successorText = "second".repeat(Math.ceil((2 * BLOCK) / 6)).slice(0, 2 * BLOCK);

async function demandSuccessors({ half, data }: Started, when: string): Promise<void> {
  for (const drop of [false, true]) {
    const limit = { timeoutMs: READ_AGAIN_MS };
    const seen = await half.help("read", { path: `${data}/${FILE}`, position: 0, length: 2 * BLOCK, drop }, limit);
    if (seen === successorText) continue;
    const blocks = [0, BLOCK].map((at) => JSON.stringify(seen.slice(at, at + 12)));
    throw new Broken(`${when} the successor reads ${blocks.join(" and ")} where it had synced its own bytes`);
  }
}

/** What became of a write of the former holder, in words. Not an error: failing is what it should do. */
async function lateWrite(
  { half }: Started,
  file: number,
  position: number,
  pattern: string,
  { sync } = { sync: true },
): Promise<string> {
  try {
    await half.help("write", { file, position, pattern, length: BLOCK }, { timeoutMs: LATE_WRITE_MS });
    if (sync) await half.help("fsync", { file }, { timeoutMs: LATE_WRITE_MS });
    return "succeeded";
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return `failed (${/\bE[A-Z]{2,}\b/.exec(text)?.[0] ?? (text.includes("did not finish") ? "no answer" : text)})`;
  }
}
