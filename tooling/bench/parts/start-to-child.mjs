// @ts-check
import { startWrapper, TIMED_CHILD } from "../lib/holder.mjs";
import { descendants, sendSignal } from "../lib/processes.mjs";
import { number, summarise } from "../lib/stats.mjs";

const ROUNDS = 20;

/**
 * From exec of the wrapper to the child's first instruction; record released, everything on this machine.
 * @param {{ readonly wrappers: readonly import("../lib/types.js").Wrapper[] }} given
 * @returns {Promise<import("../lib/types.js").Section>}
 */
export async function startToChild({ wrappers }) {
  /** @type {Map<string, number[]>} */
  const times = new Map(wrappers.map((w) => [w.name, []]));
  // Interleaved, so that a noisy minute of the machine hits all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, argv, env, endSignal } of wrappers) {
      const wrapper = startWrapper([...argv(`start-${round}`), ...TIMED_CHILD], env === undefined ? {} : { env });
      const at = await wrapper.childStartedAtMs;
      times.get(name)?.push(at - wrapper.startedAtMs);
      const left = descendants(wrapper.pid);
      await wrapper.end(endSignal ?? "SIGTERM");
      // Peers leave their child behind, and with it the lock.
      for (const pid of left) sendSignal(pid, "SIGKILL");
    }
  }
  return {
    title: "Start to child",
    note: "From exec of the wrapper to its child's first instruction, milliseconds; the lock is free. The child is `sh -c date`, whose own start is included everywhere.",
    head: ["wrapper", "median", "p99", "n"],
    rows: [...times].map(([name, values]) => {
      const s = summarise(values);
      return [name, number(s.median), number(s.p99), String(s.n)];
    }),
  };
}
