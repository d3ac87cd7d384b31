import type { Workarounds } from "../../src/zookeeper/workarounds.js";
import type { Scene } from "./scene.js";

/** What was seen of one defect. */
export interface Seen {
  /** The store did what it promises. */
  readonly healthy: boolean;
  /** In a few words, for the reference table. */
  readonly text: string;
}

/** One defect of node-zookeeper-client, how to provoke it, and what is switched off to see it. */
export interface Defect {
  readonly title: string;
  readonly off: readonly (keyof Workarounds)[];
  observe(scene: Scene, workarounds: Workarounds): Promise<Seen>;
}
