import type { Run } from "./run.js";
import type { Scene } from "./scene.js";
import type { WrapperTree } from "./tree.js";

/** Where a fault strikes: a holder that writes and, mostly, a candidate that waits. */
export interface Stage {
  readonly scene: Scene;
  readonly holder: Run;
  readonly tree: WrapperTree;
  readonly candidate: Run | undefined;
}

/** A fault that is there, as seen from outside the program under test. */
export interface OngoingFault {
  /** For the table: process states, packet counters, a server's own log. */
  readonly observed: string;
  /** Ends the fault and says what was seen of it; undefined for one that cannot be undone. */
  readonly heal?: () => Promise<string>;
}

export interface Fault {
  /** How long it lasts before it is healed; null = for good. */
  readonly durationMs: number | null;
  inject(stage: Stage): Promise<OngoingFault>;
}
