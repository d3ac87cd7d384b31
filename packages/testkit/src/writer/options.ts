/** Name of the shared file in the data directory that every writer appends to. */
export const DATA_FILE = "records";
/** Suffix of the writers' own logs. */
export const LOG_SUFFIX = ".acks";

export interface WriterOptions {
  /** Where the writer's own log goes; never on the volume. */
  readonly logDirectory: string;
  readonly periodMs: number;
  /** fdatasync(2) before a write counts as acknowledged. */
  readonly sync: boolean;
  /** SIGTERM and SIGINT: end at once, go on writing for so many milliseconds and then end, or never end. */
  readonly onTerm: "at-once" | "ignore" | number;
  /** What a clean end exits with. */
  readonly exitCode: number;
  /** SIGUSR2 ends it by this signal instead of by exiting. */
  readonly endBySignal: "SIGSEGV" | "SIGKILL" | "SIGABRT" | null;
  /** EIO, EROFS and the like: die as most programs do, or go on trying. */
  readonly onWriteError: "die" | "go-on";
  /** Leaves a daemon behind (double fork, own session) that writes on and ignores signals. */
  readonly daemon: boolean;
  /** Number of children that ignore TERM, INT and HUP. */
  readonly children: number;
  /** Changes to this user and group after opening its files. */
  readonly uid: number | null;
  readonly role: "main" | "forker" | "daemon";
}

export const DEFAULT_WRITER_OPTIONS: Omit<WriterOptions, "logDirectory"> = {
  periodMs: 10,
  sync: false,
  onTerm: "at-once",
  exitCode: 0,
  endBySignal: null,
  onWriteError: "die",
  daemon: false,
  children: 0,
  uid: null,
  role: "main",
};

/** One argument holds them all: they are ours on both ends. */
export function writerArguments(options: WriterOptions): string[] {
  return [JSON.stringify(options)];
}

export function parseWriterOptions(args: readonly string[]): WriterOptions {
  const [text] = args;
  if (text === undefined) throw new Error("usage: writer OPTIONS-AS-JSON");
  return JSON.parse(text) as WriterOptions;
}
