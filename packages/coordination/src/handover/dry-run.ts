import { HoldfastError, type LeaseRecord, type LeaseTiming } from "@holdfast/core";
import { nextAgent, type Situation, type StrategyVolume, type VolumeOutlook } from "./outlook.js";

/** What a handover would do now; what `--dry-run` prints and the controller answers. */
export interface HandOverPlan {
  readonly kind: "switchover" | "failover";
  readonly lease: LeaseRecord;
  readonly steps: readonly string[];
  /** Every volume's storage can cut the holder off. */
  readonly fences: boolean;
  /** What would be run, by volume and verb. */
  readonly commands: readonly {
    readonly role: string;
    readonly commands: Readonly<Record<string, readonly string[]>>;
  }[];
  readonly volumes: readonly VolumeOutlook[];
  readonly warnings: readonly string[];
}

export interface PlannedHandOver {
  readonly kind: HandOverPlan["kind"];
  readonly service: string;
  /** Do not wait for the holder; fence it at once. */
  readonly now: boolean;
  readonly timing: Pick<LeaseTiming, "stopBudgetMs" | "marginMs">;
  readonly strategies: readonly StrategyVolume[];
}

/** Pure. @throws `NOT_FOUND` when nobody holds the lease. */
export function planHandOver(
  { kind, service, now, timing, strategies }: PlannedHandOver,
  situation: Situation,
  volumes: readonly VolumeOutlook[],
): HandOverPlan {
  const { lease } = situation;
  if (lease?.state.kind !== "held") {
    throw new HoldfastError("NOT_FOUND", `Nobody holds the lease of ${service}.`, {
      hint: "There is nothing to hand over; a candidate takes it by itself.",
    });
  }
  const { stopBudgetMs, marginMs } = timing;
  const fences = strategies.every(({ strategy, volume }) => strategy.capabilities(volume).fences);
  const unreleased = fences
    ? `if not, ${lease.agent} is fenced at the storage, and the receipt recorded`
    : `if not, it cannot be fenced: what remains is the lease, ${lease.leaseMs} ms after its last renewal`;
  const next = nextAgent(
    situation,
    volumes.map(({ placement }) => placement),
  );
  const steps = [
    `ask ${lease.agent} (run ${lease.run}) to stop and release${now ? "" : ` within ${stopBudgetMs + marginMs} ms`}`,
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
  return { kind, lease, steps, fences, commands, volumes, warnings: handOverWarnings(situation) };
}

/** Pure. */
export function handOverWarnings({ candidates, to }: Situation): string[] {
  if (to !== null && !candidates.some(({ agent }) => agent === to)) {
    return [`no run waits on ${to}; the orchestrator has to start one there`];
  }
  return candidates.length === 0 ? ["no run waits for the lease; the orchestrator has to start one"] : [];
}

/** What stands for a word that is known only at a takeover, in the commands that strategies explain. */
export interface CommandWords {
  readonly FORMER_AGENT: string;
  readonly FORMER_EPOCH: string;
  readonly AGENT: string;
  readonly EPOCH: string;
}

/** Pure: a command line with the words filled in that this takeover knows. */
export function fillCommand(line: string, words: CommandWords): string {
  return line.replace(/(?<![A-Z-])(FORMER-AGENT|FORMER-EPOCH|AGENT|EPOCH)(?![A-Z-])/g, (word) => {
    return words[word.replace("-", "_") as keyof CommandWords];
  });
}
