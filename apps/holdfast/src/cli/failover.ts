import { hostname } from "node:os";
import { HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { handOver } from "../failover/hand-over.js";
import { type CommandWords, fillCommand, holderText, takeoverLines } from "../failover/lines.js";
import { lookAtService, lookAtVolumes } from "../failover/look.js";
import { nextAgent, type Situation, type VolumeOutlook, volumeOutlook } from "../failover/outlook.js";
import { splitLines } from "../failover/time-split.js";
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
          return printDryRun(kind, flags, described, situation, volumes);
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
  for (const warning of warnings(situation)) news(warning);
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

/** Pure. */
function warnings({ candidates, to }: Situation): string[] {
  if (to !== null && !candidates.some(({ agent }) => agent === to)) {
    return [`no run waits on ${to}; the orchestrator has to start one there`];
  }
  return candidates.length === 0 ? ["no run waits for the lease; the orchestrator has to start one"] : [];
}

function printDryRun(
  kind: Kind,
  flags: HandOverFlags,
  { file, volumes: strategies }: DescribedService,
  situation: Situation,
  volumes: readonly VolumeOutlook[],
): void {
  const { lease } = situation;
  if (lease?.state.kind !== "held") {
    throw new HoldfastError("NOT_FOUND", `Nobody holds the lease of ${file.service.metadata.name}.`, {
      hint: "There is nothing to hand over; a candidate takes it by itself.",
    });
  }
  const { stopBudgetMs, marginMs } = file.service.spec.exclusivity;
  const fences = strategies.every(({ strategy, volume }) => strategy.capabilities(volume).fences);
  const unreleased = fences
    ? `if not, ${lease.agent} is fenced at the storage, and the receipt recorded`
    : `if not, it cannot be fenced: what remains is the lease, ${lease.leaseMs} ms after its last renewal`;
  const next = nextAgent(
    situation,
    volumes.map(({ placement }) => placement),
  );
  const steps = [
    `ask ${lease.agent} (run ${lease.run}) to stop and release${flags.now === true ? "" : ` within ${stopBudgetMs + marginMs} ms`}`,
    kind === "failover" ? unreleased : "if it does not, the wish is taken back and nothing else is done",
    `wait until ${next} has epoch ${lease.epoch + 1n} and has started`,
  ];
  const verbs = kind === "failover" ? ["fence", "detach", "attach", "mount"] : ["detach", "attach", "mount"];
  const words: CommandWords = {
    ...{ FORMER_AGENT: lease.agent, FORMER_EPOCH: String(lease.epoch) },
    ...{ AGENT: next, EPOCH: String(lease.epoch + 1n) },
  };
  const commands = volumes.map(({ role, explanation }) => ({
    role,
    commands: Object.fromEntries(
      Object.entries(explanation.commands)
        .filter(([verb]) => verbs.includes(verb))
        .map(([verb, lines]) => {
          // Who is detached is the one that goes.
          const own = verb === "detach" ? { ...words, AGENT: lease.agent } : words;
          return [verb, lines.map((line) => fillCommand(line, own))];
        }),
    ),
  }));
  if (flags.json === true)
    return printJson({ kind, lease, steps, fences, commands, volumes, warnings: warnings(situation) });
  printLines([
    `${kind} of ${file.service.metadata.name}, now ${holderText(lease)}; nothing is done:`,
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
    ...volumes.flatMap(({ role, takeover }, index) => [
      `volume ${role}, if the holder ends without a release:`,
      ...(takeover === null
        ? [`  the storage did not answer: ${volumes[index]?.problem}`]
        : takeoverLines(takeover).map((line) => `  ${line}`)),
      ...Object.entries(commands[index]?.commands ?? {}).flatMap(([verb, lines]) =>
        lines.map((line) => `  ${verb}: ${line}`),
      ),
    ]),
    ...warnings(situation).map((warning) => `warning: ${warning}`),
  ]);
}

function who(): string {
  return `${process.env.USER ?? `uid ${process.getuid?.() ?? "?"}`}@${hostname()}`;
}
