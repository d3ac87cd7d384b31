import { monotonicMs } from "@holdfast/effects";
import { type NodeHalf, until } from "@holdfast/testkit";
import { expect } from "vitest";
import { DATA, failure, type HeldVolume, type NfsScene } from "./scene.js";

/** How long a late write may take to land; what is seen is read again and again until then. */
const WATCH_MS = 60_000;
/** EBADF: the kernel gave the open up when the server did. 116 is ESTALE, which this runtime has no name for. */
export const REFUSED = /ESTALE|-116|EIO|EACCES|EBADF/;

export const fullOf = (letter: string) => letter.repeat(DATA.length);

/** What the new holder reads past its cache stays as it is, for as long as a late write could take. */
export async function staysFullOf(letter: string, reader: NodeHalf, file: string, watchMs = WATCH_MS): Promise<void> {
  const endMs = monotonicMs() + watchMs;
  await until(
    `${watchMs} ms of unchanged reading`,
    async () => {
      const seen = await reader.help("read", { path: file, ...DATA, drop: true });
      expect(seen === fullOf(letter), `${file} begins with ${seen.slice(0, 20)}`).toBe(true);
      return monotonicMs() >= endMs;
    },
    { timeoutMs: watchMs + 30_000, intervalMs: 2_000 },
  );
}

/** Everything a former holder may try with what it opened before it was fenced. */
async function cannotWrite(former: NodeHalf, held: HeldVolume): Promise<string[]> {
  const { buffered, direct, file } = held;
  const tries: [string, () => Promise<unknown>][] = [
    [
      "sync of what was buffered before the fence",
      () => former.help("fsync", { file: buffered }, { timeoutMs: 90_000 }),
    ],
    [
      "buffered write and sync",
      async () => {
        await former.help("write", { file: buffered, ...DATA, pattern: "L" }, { timeoutMs: 90_000 });
        await former.help("fsync", { file: buffered }, { timeoutMs: 90_000 });
      },
    ],
    ["direct write", () => former.help("write", { file: direct, ...DATA, pattern: "L" }, { timeoutMs: 90_000 })],
    ["open again", () => former.help("open", { path: file }, { timeoutMs: 90_000 })],
  ];
  const said: string[] = [];
  for (const [what, call] of tries) {
    const { message } = await failure(call());
    expect(message, what).toMatch(REFUSED);
    said.push(`${what}: ${message}`);
  }
  return said;
}

/** The proof of ARCHITECTURE §4, "Grades": an unlocked file, buffered and direct, after healing, read by the successor. */
export async function proveFence(
  scene: NfsScene,
  service: string,
  former: NodeHalf,
  successor: NodeHalf,
): Promise<{ readonly fenceMs: number; readonly said: readonly string[]; readonly evidence: string }> {
  const { strategy, op } = scene;
  const volume = await scene.world.createVolume(service);
  const held = await scene.hold(former, volume, 1n, "A");
  await former.help("write", { file: held.buffered, ...DATA, pattern: "O" });
  await former.agent.cut();
  const beganMs = monotonicMs();
  const receipt = await strategy.fence(
    op,
    volume,
    { agent: former.agent.id, epoch: 1n, bootId: null },
    scene.grant(successor.agent, 2n),
  );
  const fenceMs = monotonicMs() - beganMs;
  const { file } = await scene.hold(successor, volume, 2n, "N");
  await former.agent.heal();
  const said = await cannotWrite(former, held);
  await staysFullOf("N", successor, file);
  const { directory } = scene.world.nfs.place(service);
  expect(await scene.world.nfs.shell(`tr -d N < ${directory}/data-file | wc -c`)).toBe("0\n");
  return { fenceMs, said, evidence: receipt.evidence };
}

/** Written and not synced, the agent cut off, everything of the run killed. How the tree ended. */
export async function killWithUnwritten(former: NodeHalf, held: HeldVolume): Promise<string> {
  await former.help("write", { file: held.buffered, ...DATA, pattern: "O" });
  await former.agent.cut();
  return (await former.kill()).kind;
}
