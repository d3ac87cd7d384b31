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
  /** Regular expression for the disk's root directory, whole string; null = any. Not with `root`. */
  readonly diskPath: string | null;
}
