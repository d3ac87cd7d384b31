import type { BrickState, VolumeInfo } from "./xml.js";

export type FenceVerdict =
  | { readonly kind: "fenced"; readonly evidence: string }
  | { readonly kind: "open"; readonly why: string };

/**
 * Pure: can the former holder still bring a write about? In a replicated volume a client that does not reach a majority of a set
 * is refused by its own quorum, and what it left on one brick is overwritten by the heal; so a majority of answers without it is enough.
 * Elsewhere every brick must answer.
 */
export function fenceVerdict(
  info: VolumeInfo,
  answers: readonly BrickState[],
  addresses: readonly string[],
): FenceVerdict {
  const bySet = new Map<number, { size: number; answered: number }>();
  const lines: string[] = [];
  for (const brick of info.bricks) {
    const set = bySet.get(brick.set) ?? { size: 0, answered: 0 };
    bySet.set(brick.set, set);
    set.size += 1;
    const answer = answers.find(({ name }) => name === brick.name);
    if (answer === undefined) {
      lines.push(`${brick.name}: not asked or no answer`);
      continue;
    }
    const still = answer.clients.filter((client) => addresses.includes(client));
    if (still.length > 0) return { kind: "open", why: `${still[0]} is connected to ${brick.name}` };
    set.answered += 1;
    lines.push(`${brick.name}: clients ${[...new Set(answer.clients)].join(" ")}`);
  }
  for (const [number, { size, answered }] of bySet) {
    const needed = info.replicas > 1 ? Math.floor(size / 2) + 1 : size;
    if (answered < needed)
      return { kind: "open", why: `${answered} of ${size} bricks of set ${number} answered, ${needed} are needed` };
  }
  return { kind: "fenced", evidence: lines.join("\n") };
}
