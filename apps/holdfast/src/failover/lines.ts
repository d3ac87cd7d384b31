import type { HandOverPlan, ServiceBudget, ServiceGrade, SplitPart, VolumeOutlook } from "@holdfast/coordination";
import type { LeaseRecord, Placement, StorageStep } from "@holdfast/core";

/** Pure: what people read. */
export function gradeLines({ grade, meaning, why, minimum, meetsMinimum }: ServiceGrade): string[] {
  const refused = meetsMinimum ? [] : [`  the service demands ${minimum}: no run will start`];
  return [`grade: ${grade}: ${meaning}`, `  ${why}`, ...refused];
}

export function budgetLines(budget: ServiceBudget): string[] {
  const terms = budget.terms.map(({ name, valueMs, meaning }) => `  ${name.padEnd(13)} ${ms(valueMs)}  ${meaning}`);
  return [
    `time budget: lease ${budget.timing.leaseMs} ms, slack ${budget.slackMs} ms`,
    ...terms,
    `  cut           ${ms(budget.cutMs)}  the strategies' share of the margin (at least ${budget.marginMsMin} ms)`,
    `  ride-out      ${ms(budget.rideOutMs)}  a store that is away for less is not noticed`,
    `  takeover      ${ms(Math.round(budget.takeoverMsMax))}  at most, from a dead holder to the next grant`,
    ...budget.problems.map((problem) => `  problem: ${problem}`),
  ];
}

export function volumeLines(volume: VolumeOutlook): string[] {
  const { explanation, declaredLoss, placement, takeover, problem } = volume;
  return [
    `volume ${volume.role}: ${volume.strategy} (${volume.backend}) at ${volume.mountPath}, cut: ${volume.cut}`,
    ...explanation.statements.map((statement) => `  ${statement}`),
    ...(declaredLoss === null ? [] : [`  may lose on failover: ${declaredLoss}`]),
    ...commandLines(explanation.commands),
    ...explanation.settings.map(({ name, value, why }) => `  setting ${name} = ${value}  (${why})`),
    ...(problem === null ? [] : [`  the storage did not answer: ${problem}`]),
    ...(placement === null ? [] : [`  placement: ${placementText(placement)}`]),
    ...(takeover === null ? [] : ["  a takeover now:", ...takeoverLines(takeover).map((line) => `    ${line}`)]),
  ];
}

function commandLines(commands: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(commands).flatMap(([verb, lines]) => lines.map((line) => `  ${verb}: ${line}`));
}

function takeoverLines(takeover: NonNullable<VolumeOutlook["takeover"]>): string[] {
  if ("wait" in takeover) return [`waits: ${takeover.wait}`];
  if (takeover.length === 0) return ["nothing is left to do on the controller side"];
  return takeover.map(stepText);
}

function stepText(step: StorageStep): string {
  return step.verb === "fence"
    ? `fence ${step.former.agent} (epoch ${step.former.epoch}): ${step.why}`
    : `${step.verb} ${step.agent}: ${step.why}`;
}

export function holderText(lease: LeaseRecord): string {
  const state = lease.state.kind === "held" ? `held by run ${lease.run} on ${lease.agent}` : lease.state.kind;
  return `epoch ${lease.epoch}, ${state}`;
}

function placementText(placement: Placement): string {
  switch (placement.kind) {
    case "any":
      return "any agent";
    case "agents":
      return `${placement.agents.join(", ")}: ${placement.why}${placement.restore === true ? " (restored first)" : ""}`;
    case "attribute":
      return `agents with ${placement.name}=${placement.value}: ${placement.why}`;
    case "wait":
      return `waits: ${placement.why}`;
    default:
      return placement satisfies never;
  }
}

export function splitLines(parts: readonly SplitPart[]): string[] {
  return parts.map(({ name, ms, what }) => `  ${name.padEnd(16)} ${String(ms).padStart(7)} ms  ${what}`);
}

/** What `--dry-run` shows. */
export function handOverLines(
  service: string,
  { kind, lease, steps, volumes, commands, warnings }: HandOverPlan,
): string[] {
  return [
    `${kind} of ${service}, now ${holderText(lease)}; nothing is done:`,
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
    ...volumes.flatMap(({ role, takeover, problem }, index) => [
      `volume ${role}, if the holder ends without a release:`,
      ...(takeover === null
        ? [`  the storage did not answer: ${problem}`]
        : takeoverLines(takeover).map((line) => `  ${line}`)),
      ...commandLines(commands[index]?.commands ?? {}),
    ]),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}

function ms(value: number): string {
  return `${String(value).padStart(8)} ms`;
}
