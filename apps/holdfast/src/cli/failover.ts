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
import { HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { ControllerClient, type ControllerFlags, controllerUrl, withControllerAccess } from "../client/client.js";
import { handOverByController, planByController } from "../client/hand-over.js";
import { handOverLines, splitLines } from "../failover/lines.js";
import { readServiceFile } from "../service-file/read.js";
import { requireConfirm } from "./lock.js";
import { printJson, printLines } from "./output.js";
import {
  type DescribedService,
  loadService,
  type ServiceFileFlags,
  terminalLogger,
  withOp,
  withOptionalServiceFileFlags,
} from "./service-session.js";
import { type StoreSession, withStore } from "./store-options.js";

interface HandOverFlags extends Omit<ServiceFileFlags, "file">, ControllerFlags {
  readonly file?: string;
  readonly to?: string;
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly confirm?: boolean;
  readonly now?: boolean;
}

type Kind = "switchover" | "failover";

/** `holdfast switchover` and `holdfast failover`: one holder goes, the next one comes, and the time is accounted for. */
export function registerFailover(program: Command): void {
  withHandOverFlags(program.command("switchover [service]"))
    .description("ask the holder to stop cleanly and release, and wait until the next run has started")
    .action((service: string | undefined, flags: HandOverFlags) => run("switchover", service, flags));
  withHandOverFlags(program.command("failover [service]"))
    .description(
      "the same for a holder that is ill: fenced at the storage when it does not release within its stop budget",
    )
    .option("--now", "do not wait for the holder: fence it at once")
    .option("--confirm", "the present holder may be cut off in the middle of its work")
    .action((service: string | undefined, flags: HandOverFlags) => run("failover", service, flags));
}

function withHandOverFlags(command: Command): Command {
  return withControllerAccess(withOptionalServiceFileFlags(command))
    .option("--to <agent>", "where it should run next; a wish, the lease decides")
    .option("--reason <text>", "why, for the history", "asked for by an operator")
    .option("--dry-run", "show what would be done, and do nothing");
}

async function run(kind: Kind, service: string | undefined, flags: HandOverFlags): Promise<void> {
  if (flags.store === undefined && controllerUrl(flags) !== undefined) return runByController(kind, service, flags);
  const { file } = flags;
  if (file === undefined) {
    throw new HoldfastError("USAGE", "Neither a service file nor a controller was given.", {
      hint: "Give -f FILE, or --controller URL and the name of the service.",
    });
  }
  const described = await loadService({ ...flags, file });
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

/** The controller carries it out, with its own credentials; this command follows it. */
async function runByController(kind: Kind, name: string | undefined, flags: HandOverFlags): Promise<void> {
  const service =
    name ?? (flags.file === undefined ? undefined : (await readServiceFile(flags.file)).service.metadata.name);
  if (service === undefined) throw new HoldfastError("USAGE", "Which service?", { hint: "Name it, or give -f FILE." });
  const client = await ControllerClient.open(flags);
  const { to = null, reason, now = false, confirm = false } = flags;
  const wanted = { kind, service, to, reason, now, confirm };
  if (flags.dryRun === true) {
    const plan = await planByController(client, wanted);
    if (flags.json === true) return printJson(plan);
    const { lease, steps, warnings } = plan;
    return printLines([
      `${kind} of ${service}, now epoch ${lease.epoch} on ${lease.agent}; nothing is done:`,
      ...steps.map((step, index) => `  ${index + 1}. ${step}`),
      ...warnings.map((warning) => `warning: ${warning}`),
    ]);
  }
  if (kind === "failover") requireConfirm(flags, "a failover may cut the present holder off in the middle of its work");
  const done = await handOverByController(client, wanted, (line) => void process.stderr.write(`holdfast: ${line}\n`));
  if (flags.json === true) printJson(done);
  else printLines([`${kind} of ${service}: ${done.note ?? done.state}`]);
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
