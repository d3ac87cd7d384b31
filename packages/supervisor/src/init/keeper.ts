import type { Readable, Writable } from "node:stream";
import type { ProcessIdentity, VolumeTools } from "@holdfast/effects";
import type { GuardConfig } from "../guard/config.js";
import type { InitKeeper } from "../guard/events.js";
import type { InitCommand, InitReport, StepOutcome } from "./protocol.js";

/** What a keeper of the tree tells, in the order in which it happened. */
export interface KeeperListener {
  onReport(report: Exclude<InitReport, { type: "step" }>): void;
  /** With everything the step wrote to its standard output. */
  onStepEnded(id: string, outcome: StepOutcome, output: string): void;
  /** The outer process ended without having said that the tree is gone. Called once, and last. */
  onClosed(how: string): void;
}

/** The process that is the top of the application's tree, seen from the guard. */
export interface TreeKeeper {
  readonly keeper: InitKeeper;
  /** How volumes are read, written and settled where this keeper works. */
  readonly tools: VolumeTools;
  /** Standard input and output of what it runs; null when those are the application's own. */
  readonly channel: { readonly input: Writable; readonly output: Readable } | null;
  send(command: InitCommand): void;
  /** SIGKILL was asked for and the end does not come: wakes whoever is stopped, and ends what the kernel ends the tree with, unless that is another tree. */
  hurry(): void;
  /** Lets go of sockets and timers; ends nothing. */
  dispose(): void;
}

export interface KeeperOptions extends Pick<GuardConfig, "tree" | "user" | "command"> {
  /** Makes the tree inside that of this init; native only. */
  readonly join?: ProcessIdentity | null;
  /** Standard input and output are pipes of ours and not the application's; see `TreeKeeper.channel`. */
  readonly piped?: boolean;
}
