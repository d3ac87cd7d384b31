/** What became of exceptions that nobody caught while something ran. */
export interface Uncaught<T> {
  readonly value: T;
  readonly errors: readonly unknown[];
}

/** Runs something that is expected to throw where nobody can catch it; the test runner's own handlers rest meanwhile. */
export async function withUncaught<T>(action: (errors: readonly unknown[]) => Promise<T>): Promise<Uncaught<T>> {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const errors: unknown[] = [];
  const record = (error: unknown) => {
    errors.push(error);
  };
  const former = events.map((event) => ({ event, listeners: process.rawListeners(event) }));
  for (const event of events) {
    process.removeAllListeners(event);
    process.on(event, record);
  }
  try {
    const value = await action(errors);
    // Rejections are reported after the microtasks of the turn in which they happened.
    await new Promise((resolve) => setImmediate(resolve));
    return { value, errors };
  } finally {
    for (const { event, listeners } of former) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener as (...args: unknown[]) => void);
    }
  }
}
