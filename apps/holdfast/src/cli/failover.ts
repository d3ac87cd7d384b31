import { hostname } from "node:os";
import {
  handOver,
  handOverWarnings,
  lookAtService,
  lookAtVolumes,
  planHandOver,
  type Situation,
  volumeOutlook,
} from "@holdfast/coordination";
import type { Command } from "commander";
import { handOverLines, splitLines } from "../failover/lines.js";
import { requireConfirm } from "./lock.js";
import { printJson, printLines } from "./output.js";
import {
  type DescribedService,
  loadService,
  type ServiceFileFlags,
  terminalLogger,
  withOp,
  withServiceFileFlags,
} from "./service-session.js";
import { type StoreSession, withStore } from "./store-options.js";

interface HandOverFlags extends ServiceFileFlags {
  readonly to?: string;
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly confirm?: boolean;
  readonly now?: boolean;
}

type Kind = "switchover" | "failover";

/** `holdfast switchover` and `holdfast failover`: one holder goes, the next one comes, and the time is accounted for. */
export function registerFailover(program: Command): void {
  withHandOverFlags(program.command("switchover"))
    .description("ask the holder to stop cleanly and release, and wait until the next run has started")
    .action((flags: HandOverFlags) => run("switchover", flags));
  withHandOverFlags(program.command("failover"))
    .description(
      "the same for a holder that is ill: fenced at the storage when it does not release within its stop budget",
    )
    .option("--now", "do not wait for the holder: fence it at once")
    .option("--confirm", "the present holder may be cut off in the middle of its work")
    .action((flags: HandOverFlags) => run("failover", flags));
}

function withHandOverFlags(command: Command): Command {
  return withServiceFileFlags(command)
    .option("--to <agent>", "where it should run next; a wish, the lease decides")
    .option("--reason <text>", "why, for the history", "asked for by an operator")
    .option("--dry-run", "show what would be done, and do nothing");
}

async function run(kind: Kind, flags: HandOverFlags): Promise<void> {
  const described = await loadService(flags);
  const { name } = described.file.service.metadata;
  const { leaseMs, attachTimeoutMs } = described.file.service.spec.exclusivity;
  // Stop, a whole lease, attach and start; the command's own waits are shorter.
  const limitMs = 3 * leaseMs + 2 * attachTimeoutMs + 60_000;
  await withStore(
    { ...flags, service: name },
    (session) =>
      withOp(session.options.signal, terminalLogger, async (op) => {
        const situation = await lookAtService(session.context, flags.to ?? null, session.options);
        if (flags.dryRun === true) {
          const seen = await lookAtVolumes(op, described.volumes, session.context);
          const volumes = seen.map((volume) => volumeOutlook(volume, situation));
          const { exclusivity: timing } = described.file.service.spec;
          const wanted = { kind, service: name, now: flags.now === true, timing, strategies: described.volumes };
          const plan = planHandOver(wanted, situation, volumes);
          return flags.json === true ? printJson(plan) : printLines(handOverLines(name, plan));
        }
        if (kind === "failover")
          requireConfirm(flags, "a failover may cut the present holder off in the middle of its work");
        await carryOut(kind, flags, described, session, situation, op);
      }),
    limitMs,
  );
}

async function carryOut(
  kind: Kind,
  flags: HandOverFlags,
  { file, volumes }: DescribedService,
  { context, options: { signal } }: StoreSession,
  situation: Situation,
  op: Parameters<typeof handOver>[1]["op"],
): Promise<void> {
  const { exclusivity } = file.service.spec;
  const news = (line: string) => void process.stderr.write(`holdfast: ${line}\n`);
  for (const warning of handOverWarnings(situation)) news(warning);
  const result = await handOver(context, {
    ...{ kind, volumes, op, signal, timing: exclusivity, reason: flags.reason },
    ...{ to: flags.to ?? null, by: who(), now: flags.now === true, startLimitMs: exclusivity.attachTimeoutMs },
    onNews: news,
  });
  if (flags.json === true) return printJson(result);
  printLines([
    `${kind} of ${file.service.metadata.name}: epoch ${result.from.epoch} on ${result.from.agent} → epoch ${result.to.epoch} on ${result.to.agent}${result.released ? "" : ", without a release"}`,
    ...splitLines(result.split),
  ]);
  if (flags.to !== undefined && flags.to !== result.to.agent)
    news(`it runs on ${result.to.agent} and not on ${flags.to}`);
}

function who(): string {
  return `${process.env.USER ?? `uid ${process.getuid?.() ?? "?"}`}@${hostname()}`;
}
