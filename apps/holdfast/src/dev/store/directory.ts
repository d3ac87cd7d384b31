import { mkdirSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import type { AgentId } from "@holdfast/core";
import type { Layout } from "../layout.js";
import type { DevStore } from "./types.js";

/** Nothing is ever made there, so a link to it dangles. */
const NOWHERE = "cut-off";

/** A directory on this machine, reached by every agent through a link of its own that can be taken away. */
export function createDirectoryDevStore(layout: Layout, agents: readonly AgentId[]): DevStore {
  mkdirSync(layout.store, { mode: 0o700 });
  const cutOff = new Set<AgentId>();
  let hung = false;
  const point = (agent: AgentId) => {
    const { store } = layout.agent(agent);
    const target = hung || cutOff.has(agent) ? NOWHERE : layout.store;
    if (linkTarget(store) === target) return;
    // A rename, so that whoever opens the path meets the old link or the new one and never none.
    const temporary = `${store}.new`;
    symlinkSync(target, temporary);
    renameSync(temporary, store);
  };
  for (const agent of agents) point(agent);
  return {
    kind: "directory",
    url: "dir://{{agentDir}}/store",
    hostUrl: `dir://${layout.store}`,
    async cut(agent) {
      cutOff.add(agent);
      point(agent);
    },
    async heal(agent) {
      cutOff.delete(agent);
      point(agent);
    },
    async hang() {
      hung = true;
      for (const agent of agents) point(agent);
    },
    async resume() {
      hung = false;
      for (const agent of agents) point(agent);
    },
    isHung: () => hung,
    async close() {
      // Nothing runs.
    },
  };
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
