import type { FenceReceipt, StorageStrategy, Volume } from "@holdfast/core";
import { type NodeHalf, type StorageWorld, until } from "@holdfast/testkit";
import { type Stage, timed } from "./support.js";

export const BLOCK = 4_096;
/** A write that hangs is no write; it is given up, and its tree killed later. */
const LATE_MS = 3_000;

export const former = { agent: "agent-1", epoch: 1n, bootId: null };

export const openFile = (half: NodeHalf, volume: Volume, direct = false) =>
  half.help("open", { path: `${volume.mountPath}/file`, create: true, direct });

/** MooseFS keeps a chunk locked for 120 s when its writer was cut off in the middle of it. */
const WRITE_MS = 150_000;

export async function writeSynced(half: NodeHalf, file: number, pattern: string, blocks: number): Promise<void> {
  await half.help("write", { file, position: 0, pattern, length: blocks * BLOCK }, { timeoutMs: WRITE_MS });
  await half.help("fsync", { file }, { timeoutMs: WRITE_MS });
}

/** The first byte of a block, from the servers. */
export const readBlock = (half: NodeHalf, volume: Volume, block = 0) =>
  half.help("read", { path: `${volume.mountPath}/file`, position: block * BLOCK, length: 1, drop: true });

/** What a former holder writes, through descriptors of before, on a data file that nobody locked; undefined: it got through. */
async function lateWrites(
  half: NodeHalf,
  buffered: number,
  direct: number,
): Promise<readonly [buffered: unknown, direct: unknown]> {
  const bounded = { timeoutMs: LATE_MS };
  const write = async (file: number, pattern: string, block: number) => {
    await half.help("write", { file, position: block * BLOCK, pattern, length: BLOCK }, bounded);
    await half.help("fsync", { file }, bounded);
  };
  return [(await timed(() => write(buffered, "L", 0))).error, (await timed(() => write(direct, "D", 1))).error];
}

export interface Takeover {
  readonly volume: Volume;
  readonly half: NodeHalf;
  readonly successor: NodeHalf;
  readonly buffered: number;
  readonly direct: number;
  readonly receipt: FenceReceipt | undefined;
  readonly fenceMs: number;
}

/** A holder that is cut off while it lives, and a successor that has written two blocks; then the network is healed. */
export async function takeOver(
  { world, stage, strategy }: { world: StorageWorld; stage: Stage; strategy: StorageStrategy },
  volume: Volume,
  act: "fence" | (() => Promise<void>),
  { inFlight } = { inFlight: true },
): Promise<Takeover> {
  const [first, second] = world.agents;
  await strategy.attach(stage.op, volume, first.id, stage.grant(volume, first, 1n));
  const half = await stage.mounted(volume, first, 1n);
  const [buffered, direct] = [await openFile(half, volume), await openFile(half, volume, true)];
  await writeSynced(half, buffered, "a", 2);
  await first.cut();
  // In flight, and not waited for: it hangs or fails.
  if (inFlight)
    half.help("write", { file: buffered, position: 0, pattern: "F", length: 2 * BLOCK }).catch(() => "cut off");
  const grant = stage.grant(volume, second, 2n);
  let receipt: FenceReceipt | undefined;
  const { ms, error } = await timed(async () => {
    if (act === "fence") receipt = await strategy.fence(stage.op, volume, former, grant);
    else await act();
  });
  if (error !== undefined) throw error;
  const successor = await stage.mounted(volume, second, 2n);
  await writeSynced(successor, await openFile(successor, volume), "B", 2);
  await first.heal();
  return { volume, half, successor, buffered, direct, receipt, fenceMs: ms };
}

/** The control row: what the former holder writes late is there. */
export async function untilLateWritesLand({ half, buffered, direct, successor, volume }: Takeover): Promise<void> {
  await until(
    "the old descriptors to work",
    async () => (await lateWrites(half, buffered, direct)).every((error) => error === undefined),
    { timeoutMs: 40_000, intervalMs: 200 },
  );
  await until(
    "the late writes to be seen",
    async () => (await readBlock(successor, volume)) === "L" && (await readBlock(successor, volume, 1)) === "D",
    { timeoutMs: 10_000, intervalMs: 200 },
  );
}

/**
 * Late writes again and again, until so many were refused with an error of the server's, all while the successor's bytes stand;
 * and once more when the former holder's last process is gone.
 */
export async function refusals(takeover: Takeover, refused: RegExp, times: number): Promise<void> {
  const { half, buffered, direct, successor, volume } = takeover;
  let seen = 0;
  await until(
    `${times} refused late writes`,
    async () => {
      const errors = await lateWrites(half, buffered, direct);
      if (errors.some((error) => error === undefined)) throw new Error("a late write of the former holder got through");
      if (refused.test(String(errors[0]))) seen += 1;
      for (const block of [0, 1]) {
        const byte = await readBlock(successor, volume, block);
        if (byte !== "B") throw new Error(`block ${block} of the successor reads ${byte}`);
      }
      return seen >= times;
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
  await half.kill();
  for (const block of [0, 1]) {
    const byte = await readBlock(successor, volume, block);
    if (byte !== "B") throw new Error(`after its end, block ${block} of the successor reads ${byte}`);
  }
}
