import {
  type AttachContext,
  type CheckResult,
  decideVolume,
  type Grant,
  HoldfastError,
  type Op,
  type StorageRecord,
  type StorageStrategy,
  type Volume,
  type VolumeEvidence,
} from "@holdfast/core";

export interface NodeVolume {
  readonly strategy: StorageStrategy;
  readonly volume: Volume;
}

export type StepReporter = (name: string, role: string, state: "started" | "done", tookMs: number | null) => void;

export interface MountOptions {
  readonly grant: Grant;
  readonly context: AttachContext;
  /** Put an empty file system on a blank device first. */
  readonly format: boolean;
  /** The volume is being prepared: it need not be marked yet. */
  readonly initialise: boolean;
  /** What the store knows of it. */
  readonly recorded: StorageRecord | null;
  readonly onStep: StepReporter;
}

/**
 * From an attached volume to a verified one: prepare, check, repair where it is safe, mount, verify.
 * @throws `NEEDS_REPAIR` with the exact command to go on; what the strategy throws; what `decideVolume` refuses.
 */
export async function mountVolume(
  op: Op,
  { strategy, volume }: NodeVolume,
  options: MountOptions,
): Promise<VolumeEvidence> {
  const { grant, context } = options;
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    op.signal.throwIfAborted();
    const startedMs = op.clock.now().monoMs;
    options.onStep(name, volume.role, "started", null);
    const result = await work();
    options.onStep(name, volume.role, "done", op.clock.now().monoMs - startedMs);
    return result;
  };
  await step("prepare", () => strategy.prepare(op, volume, context, grant));
  const { format } = strategy;
  if (options.format && format !== undefined) {
    await step("format", () => format.call(strategy, op, volume, context, grant));
  }
  const check = await step("check", () => strategy.check(op, volume, context));
  if (check.state !== "clean") await step("repair", () => repair(op, { strategy, volume }, context, grant, check));
  await step("mount", () => strategy.mount(op, volume, context, grant));
  return step("verify", () => verify(op, { strategy, volume }, options));
}

/** As its own visible step: only what the check called safe, never more without a person. */
async function repair(
  op: Op,
  { strategy, volume }: NodeVolume,
  context: AttachContext,
  grant: Grant,
  check: CheckResult,
): Promise<void> {
  if (!check.safeToRepair || strategy.repair === undefined) throw needsRepair(volume, check);
  for (const finding of check.findings) op.logger.log("warn", `${volume.mountPath}: ${finding}`);
  const after = await strategy.repair(op, volume, context, grant, "safe");
  if (after.state !== "clean") throw needsRepair(volume, after);
}

function needsRepair(volume: Volume, check: CheckResult): HoldfastError {
  const found = check.findings.length === 0 ? "the check gave no details" : check.findings.join("; ");
  const command = check.command ?? "see the strategy's README";
  return new HoldfastError(
    "NEEDS_REPAIR",
    `The volume of ${volume.service} (${volume.role}) is ${check.state}: ${found}.`,
    {
      hint: `Nothing was changed. Look at it, make a copy, then: ${command}`,
      detail: { command, findings: check.findings },
    },
  );
}

async function verify(op: Op, { strategy, volume }: NodeVolume, options: MountOptions): Promise<VolumeEvidence> {
  const evidence = await strategy.verify(op, volume, options.grant);
  if (options.initialise) return evidence;
  const initialised = options.recorded?.initialised ?? null;
  const { mounts, restores } = strategy.capabilities(volume);
  const decision = decideVolume(evidence, {
    service: volume.service,
    epoch: options.grant.epoch,
    run: options.grant.run,
    mustBeMountPoint: mounts,
    recorded: initialised === null ? null : { ...initialised, restores },
    markCommand: markCommand({ strategy, volume }, evidence),
  });
  if (decision.kind === "refused") {
    throw new HoldfastError(decision.code, decision.message, { hint: decision.hint });
  }
  return evidence;
}

/** A volume that the scheduler made is marked where its agent has it: no command could mount it beside the task. */
function markCommand({ strategy, volume }: NodeVolume, { source }: VolumeEvidence): string {
  if (strategy.schedulerVolume === undefined) return "holdfast volume init -f FILE --store URL";
  return `holdfast volume init DIRECTORY --service ${volume.service} --role ${volume.role}, on this agent, with the directory that it has for ${source}`;
}

/** Write back, unmount, let go; nothing is forced. */
export async function unmountVolume(op: Op, { strategy, volume }: NodeVolume): Promise<void> {
  await strategy.unmount(op, volume);
  await strategy.release(op, volume);
}
