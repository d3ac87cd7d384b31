import type { Op, StorageStrategy } from "@holdfast/core";
import type { Invariant } from "../conformance/case.js";
import { createImageStrategy } from "../memory/strategy.js";

/** One promise broken in an otherwise correct strategy. */
export interface BrokenStrategy {
  readonly invariant: Invariant;
  /** What it does, for a test's name. */
  readonly name: string;
  /** The case that must fail because of it. */
  readonly caughtBy: string;
  readonly break: (correct: StorageStrategy) => Partial<StorageStrategy>;
}

/** Asks the server how things are instead. */
const withStatusFor = (op: Op, verb: string): Op => ({
  ...op,
  control: (target, args, options) =>
    op.control(target, [args[0] === verb ? "status" : (args[0] ?? ""), ...args.slice(1)], options),
});

/** Gives a loop device a copy of what it was asked for: a cache that is never written back. */
const withCopies = (op: Op): Op => ({
  ...op,
  async exec(command, args, options) {
    if (command !== "losetup" || args[0] !== "--find") return op.exec(command, args, options);
    const copy = `${op.workDirectory}/cache`;
    await op.exec("cp", [args.at(-1) ?? "", copy], options);
    return op.exec(command, [...args.slice(0, -1), copy], options);
  },
});

/** Each is one line away from the correct one. */
export const brokenStrategies: readonly BrokenStrategy[] = [
  {
    invariant: "I1",
    name: "takes a volume away from its holder",
    caughtBy: "L3/I1-second-attach-refused",
    break: ({ attach, detach, observe }) => ({
      async attach(op, volume, agent, grant) {
        for (const held of (await observe(op, volume)).attachments) await detach(op, volume, held.agent);
        return attach(op, volume, agent, grant);
      },
    }),
  },
  {
    invariant: "I2",
    name: "attaches under any epoch",
    caughtBy: "L3/I2-epochs-grow",
    break: ({ attach, observe }) => ({
      async attach(op, volume, agent, grant) {
        const seen = BigInt(String((await observe(op, volume)).detail.epoch));
        return attach(op, volume, agent, { ...grant, epoch: seen > grant.epoch ? seen : grant.epoch });
      },
    }),
  },
  {
    invariant: "I3",
    name: "gives evidence of the volume that it expects",
    caughtBy: "L1/I3-verify-sees-what-is-there",
    break: ({ verify }) => ({
      verify: async (op, volume, grant) => ({
        ...(await verify(op, volume, grant)),
        epoch: grant.epoch,
        epochRun: grant.run,
      }),
    }),
  },
  {
    invariant: "I4",
    name: "writes a receipt and fences only what comes later",
    caughtBy: "L4/I4-late-write-is-absent",
    break: ({ fence }) => ({
      fence: (op, volume, former, grant) => fence(withStatusFor(op, "cut-devices"), volume, former, grant),
    }),
  },
  {
    invariant: "I5",
    name: "formats whatever it is asked to",
    caughtBy: "L1/I5-format-refuses-what-is-not-blank",
    break: () => ({
      async format(op, _volume, context) {
        await op.exec("mkfs.ext4", ["-q", "-F", String(context.export)], { timeoutMs: 10_000 });
      },
    }),
  },
  {
    invariant: "I6",
    name: "works on a copy of the image",
    caughtBy: "L1/I6-a-clean-stop-keeps-the-data",
    break: ({ mount }) => ({
      mount: (op, volume, context, grant) => mount(withCopies(op), volume, context, grant),
    }),
  },
  {
    invariant: "I7",
    name: "gives a receipt without the server's answer",
    caughtBy: "L3/I7-receipt-says-what-was-fenced",
    break: ({ fence }) => ({
      fence: async (op, volume, former, grant) => ({ ...(await fence(op, volume, former, grant)), evidence: "" }),
    }),
  },
  {
    invariant: "I8",
    name: "waits for a volume as long as it takes",
    caughtBy: "L4/I8-hung-servers-hang-nobody",
    break: ({ metrics }) => ({
      async metrics(op, volume) {
        await op.volumes.probe(volume.mountPath, { timeoutMs: 3_600_000 });
        return metrics(op, volume);
      },
    }),
  },
];

/** The correct strategy with the defect of that invariant. */
export function createBrokenStrategy(invariant: Invariant): StorageStrategy {
  const defect = brokenStrategies.find((candidate) => candidate.invariant === invariant);
  if (defect === undefined) throw new Error(`no broken strategy for ${invariant}`);
  const correct = createImageStrategy();
  return { ...correct, ...defect.break(correct) };
}
