import type { AgentId } from "../ids.js";

/**
 * A volume that the scheduler makes, keeps and gives to the task, in place of a server of its own: a Mesos persistent
 * volume. The task finds it in its sandbox, and only on the agent where it was made.
 */
export interface SchedulerVolume {
  /** Directory below the sandbox; one path segment. */
  readonly name: string;
  readonly sizeMiB: number;
  /** `root`: on the agent's work directory; `path`: on a disk that others use too; `mount`: a disk of its own. */
  readonly disk: "root" | "path" | "mount";
  /** With `mount`, where the whole disk is taken: larger ones are left alone. Null = no limit. */
  readonly sizeMiBMax: number | null;
  /**
   * The scheduler shows it at the mount path as well, which takes the agents' `filesystem/linux`; otherwise the strategy
   * binds it there from the sandbox.
   */
  readonly atMountPath: boolean;
  /**
   * Agents on which it may be made; null = any. Only what is configured, never where it is by now: the volume itself
   * keeps the task there, and a constraint that appears after the first run would restart it.
   */
  readonly agents: readonly AgentId[] | null;
  /** Regular expression for the disk's root directory, whole string; null = any. Not with `root`. */
  readonly diskPath: string | null;
}
