import type { Clock, Logger } from "@holdfast/core";
import type { LockHandle } from "../lock-process.js";
import type { SignalSource } from "../signals.js";

/** What the guard needs from the program it is part of. */
export interface GuardDeps {
  /** Starts one lock process; called again when it has to be replaced. See `spawnLockProcess`. */
  readonly spawnLock: () => LockHandle;
  /** The native init; null when it is not to be had, and then util-linux is used if the configuration allows it. */
  readonly initPath: string | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signals: SignalSource;
}
