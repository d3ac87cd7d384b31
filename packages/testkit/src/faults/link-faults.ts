import type { Fault } from "./fault.js";

/** The holder's agent loses the store silently; its processes and its volume stay as they are. */
export function cutOff(durationMs: number): Fault {
  return linkFault(durationMs, "cut");
}

/** The link of the holder's agent goes down, visibly for it. */
export function linkDown(durationMs: number): Fault {
  return linkFault(durationMs, "unplug");
}

function linkFault(durationMs: number, how: "cut" | "unplug"): Fault {
  return {
    durationMs,
    async inject({ scene, holder }) {
      const access = await scene.access(holder.agent);
      const act = how === "cut" ? access.cut : access.unplug;
      if (act === undefined) throw new Error(`the ${scene.store.kind} store has no link that could go down`);
      await act();
      return {
        observed: access.observe(),
        async heal() {
          const atEnd = access.observe();
          await access.heal();
          return `at the end: ${atEnd}`;
        },
      };
    },
  };
}
