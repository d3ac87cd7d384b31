import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { monotonicMs } from "@holdfast/effects";
import { until } from "../../../agents/until.js";
import type { ConformanceCase } from "../case.js";
import { type ExecutableRun, output, startExecutable } from "../executable/run.js";
import { openService, type Service } from "../executable/service.js";
import { demand } from "../expect.js";
import type { Scene } from "../scene.js";
import { staysPut } from "./l0-plan.js";

/** Starting, attaching and mounting, on a machine that does other things too. */
const SLACK_MS = 45_000;
const RECORDS = 20;

const skip: ConformanceCase["skip"] = ({ executable }) =>
  executable === undefined ? "no executable was given to try it with" : undefined;

/*
 * `holdfast run` drives the strategy. A run writes, something happens to it, a second run waits for the lease; never may
 * both write, and what the first called synced must be there for the second. A third run reads at the end, when
 * whatever was cut off or paused has had its chance.
 */
export const runCases: readonly ConformanceCase[] = [
  {
    id: "L4/I2-run-hands-over",
    title: "holdfast run, stopped cleanly: the next run has a higher epoch and starts without waiting a lease",
    skip,
    run: (scene) =>
      failover(scene, async ({ first, service }) => {
        const startMs = monotonicMs();
        await first.signal("SIGTERM", "wrapper");
        await first.untilEnded(SLACK_MS);
        return { startMs, takeoverMsMax: service.lease.leaseMs };
      }),
  },
  {
    id: "L4/I6-run-killed",
    title:
      "holdfast run, every process of it killed: the next run takes over after the lease, with every synced record",
    skip,
    run: (scene) =>
      failover(scene, async ({ first }) => {
        const startMs = monotonicMs();
        await first.signal("SIGKILL");
        await first.untilEnded(SLACK_MS);
        return { startMs };
      }),
  },
  {
    id: "L4/I1-run-cut-from-the-store",
    title: "holdfast run, cut off from the coordination store: its application is gone before the next one starts",
    // The next run would be cut off with it.
    skip: (subject) => skip?.(subject) ?? staysPut(subject.capabilities),
    run: (scene) =>
      failover(scene, async ({ first }) => {
        const startMs = monotonicMs();
        await first.agent.drop([scene.world.hostAddress]);
        scene.onEnd(() => first.agent.heal());
        return { startMs, afterwards: () => first.agent.heal() };
      }),
  },
  {
    id: "L4/I4-run-paused-for-two-leases",
    title: "holdfast run, every process of it stopped for two leases and resumed: nothing of it writes any more",
    skip,
    run: (scene) =>
      failover(scene, async ({ first, service }) => {
        const startMs = monotonicMs();
        await first.signal("SIGSTOP");
        const resumeMs = startMs + 2 * service.lease.leaseMs;
        return {
          startMs,
          async afterwards() {
            await until("two leases to pass", () => monotonicMs() >= resumeMs, {
              timeoutMs: 2 * service.lease.leaseMs + SLACK_MS,
            });
            await first.signal("SIGCONT");
          },
        };
      }),
  },
  {
    id: "L4/I1-run-clock-jumps",
    title:
      "holdfast run, its boot time jumps ahead by two leases: counts as lost contact, and the next run starts after it",
    skip,
    async run(scene) {
      const clock = await startClock(scene);
      await failover(
        scene,
        async ({ first, service }) => {
          const startMs = monotonicMs();
          await clock.jump(2 * service.lease.leaseMs);
          await first.untilEnded(service.lease.leaseMs);
          return { startMs };
        },
        clock.before,
      );
    },
  },
];

interface Fault {
  readonly startMs: number;
  /** Tighter than lease and slack. */
  readonly takeoverMsMax?: number;
  /** When the successor writes already. */
  readonly afterwards?: () => Promise<void>;
}

async function failover(
  scene: Scene,
  fault: (at: { readonly first: ExecutableRun; readonly service: Service }) => Promise<Fault>,
  before: readonly string[] = [],
): Promise<void> {
  const service = await openService(scene);
  const { leaseMs } = service.lease;
  const first = service.start(scene.agent(0), "write", before);
  const began = await first.untilStarted(SLACK_MS + 2 * leaseMs);
  await first.untilAcknowledged(RECORDS, SLACK_MS);
  const moves = scene.capabilities(service.volume).movesBetweenAgents;
  const second = service.start(scene.agent(moves ? 1 : 0), "write");
  const { startMs, takeoverMsMax, afterwards } = await fault({ first, service });
  const found = await second.untilStarted(2 * leaseMs + SLACK_MS);
  const tookMs = scene.measure("takeover", startMs);
  demand(tookMs <= (takeoverMsMax ?? Number.POSITIVE_INFINITY), `the next run started only after ${tookMs} ms`);
  demandSuccession(first, began.epoch, second);
  demand(BigInt(found.epoch) > BigInt(began.epoch), `epoch ${found.epoch} follows epoch ${began.epoch}`);
  await second.untilAcknowledged(RECORDS, SLACK_MS);
  await afterwards?.();
  await first.untilEnded(leaseMs + SLACK_MS);
  await second.untilAcknowledged(second.acknowledged().count + RECORDS, SLACK_MS);
  demandSuccession(first, began.epoch, second);
  await second.signal("SIGTERM", "wrapper");
  await second.untilEnded(SLACK_MS);
  const third = service.start(second.agent, "read");
  const end = await third.untilStarted(2 * leaseMs + SLACK_MS);
  await third.untilEnded(SLACK_MS);
  demand(end.broken === null, `the journal is damaged or out of order at ${JSON.stringify(end.broken)}`);
  const { count } = second.acknowledged();
  demand((end.counts[found.epoch] ?? 0) >= count, `${count} records were synced, ${end.counts[found.epoch]} are there`);
  scene.measured["acknowledged records"] = first.acknowledged().count + count;
}

/** The former application's last word was before its successor's first, and nothing that it called synced is missing. */
function demandSuccession(first: ExecutableRun, epoch: string, second: ExecutableRun): void {
  const { count, lastMs } = first.acknowledged();
  const startedMs = second.startedAtMs() ?? 0;
  demand(lastMs < startedMs, `both wrote, for ${Math.round(lastMs - startedMs)} ms`);
  const found = second.found();
  demand(found?.broken === null, `the successor found a damaged journal: ${JSON.stringify(found?.broken)}`);
  const seen = found.counts[epoch] ?? 0;
  demand(seen >= count, `${count} records were synced, the successor found ${seen}`);
}

/** A /proc/uptime for one run only, that runs like the real one until it is told to jump. */
async function startClock(
  scene: Scene,
): Promise<{ readonly before: readonly string[]; jump(ms: number): Promise<void> }> {
  const agent = scene.agent(0);
  const directory = (await output(agent, ["mktemp", "-d"])).trim();
  scene.onEnd(async () => void (await output(agent, ["rm", "-rf", directory])));
  const [file, offset] = [join(directory, "uptime"), join(directory, "offset")];
  await output(agent, ["sh", "-c", 'echo 0 > "$1"; cat /proc/uptime > "$0"', file, offset]);
  const main = fileURLToPath(new URL("../../../faults/fake-uptime-main.js", import.meta.url));
  const clock = startExecutable(agent, [process.execPath, main, file, offset]);
  scene.onEnd(async () => {
    await clock.signal("SIGKILL");
    await clock.untilEnded(SLACK_MS);
  });
  const bind = `mount --bind ${file} /proc/uptime && exec "$@"`;
  return {
    before: ["unshare", "--mount", "--propagation", "slave", "sh", "-c", bind, "sh"],
    async jump(ms) {
      await output(agent, ["sh", "-c", 'echo "$1" > "$0"', offset, String(ms)]);
    },
  };
}
