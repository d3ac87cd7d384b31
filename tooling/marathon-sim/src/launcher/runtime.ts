/** A process to be started on an agent. */
export interface RuntimeTask {
  readonly taskId: string;
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Working directory, which exists. */
  readonly sandbox: string;
}

export interface TaskExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Runs the processes of tasks on agents. Decides nothing: what runs where, and until when, is the caller's. */
export interface TaskRuntime {
  /**
   * Resolves when the process exists. `onExit` is called once, when nothing of the task is left.
   * @throws when it cannot be started: no such command, no such agent.
   */
  start(task: RuntimeTask, agentId: string, onExit: (exit: TaskExit) => void): Promise<void>;
  /** SIGTERM to every process of the task now, SIGKILL after the grace. Returns when it was sent; unknown tasks are none. */
  kill(taskId: string, graceMs: number): void;
  /**
   * Runs a command beside the task, in its environment and on its agent's network.
   * @returns the exit code; null = it did not end in time and was killed.
   */
  run(
    taskId: string,
    argv: readonly [string, ...string[]],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<number | null>;
  /** The machine goes down: SIGKILL to everything of that agent. Resolves when nothing of it is left. */
  powerOff(agentId: string): Promise<void>;
  /** Ends everything that it started. Idempotent. */
  close(): Promise<void>;
}
