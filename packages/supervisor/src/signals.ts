import { constants } from "node:os";

/** The signals that the guard acts on; all others keep what the kernel does with them. */
export const GUARD_SIGNALS = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
  "SIGCONT",
] as const;
export type GuardSignal = (typeof GUARD_SIGNALS)[number];

/** Those that end a run. The others are only passed on. */
export function endsRun(signal: GuardSignal): boolean {
  return signal === "SIGTERM" || signal === "SIGINT" || signal === "SIGHUP" || signal === "SIGQUIT";
}

/** Where the guard's signals come from; tests bring their own. */
export interface SignalSource {
  /** Returns what takes the listener away again. */
  subscribe(listener: (signal: GuardSignal) => void): () => void;
}

/** This process's own signals. */
export const processSignals: SignalSource = {
  subscribe(listener) {
    const handlers = GUARD_SIGNALS.map((signal) => [signal, () => listener(signal)] as const);
    for (const [signal, handler] of handlers) process.on(signal, handler);
    return () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    };
  },
};

export function signalNumber(name: NodeJS.Signals | null): number {
  return name === null ? 0 : constants.signals[name];
}

/** `SIGKILL` for 9; the number itself where it has no name. */
export function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `signal ${number}`;
}
