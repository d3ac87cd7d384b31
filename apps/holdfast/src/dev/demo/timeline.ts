import { monotonicMs } from "@holdfast/effects";

export type Source = "demo" | "fault" | "orchestrator" | "writer";

export interface TimelineEntry {
  /** Milliseconds after the beginning. */
  readonly afterMs: number;
  readonly source: Source;
  readonly text: string;
}

/** ANSI: faults red, writers green, the orchestrator dim. */
const COLOURS: Readonly<Record<Source, string>> = { demo: "1", fault: "31;1", orchestrator: "2", writer: "32" };

/** What happened, in order, printed as it happens. */
export class Timeline {
  readonly entries: TimelineEntry[] = [];
  readonly #startMs = monotonicMs();
  readonly #print: (line: string) => void;
  readonly #colours: boolean;

  constructor(print: (line: string) => void, colours: boolean) {
    this.#print = print;
    this.#colours = colours;
  }

  /** @param atMs - CLOCK_MONOTONIC, when it was before now. */
  add(source: Source, text: string, atMs: number = monotonicMs()): void {
    const entry = { afterMs: atMs - this.#startMs, source, text };
    this.entries.push(entry);
    this.#print(formatEntry(entry, this.#colours));
  }
}

export function formatEntry({ afterMs, source, text }: TimelineEntry, colours: boolean): string {
  const time = `${(afterMs / 1_000).toFixed(3).padStart(8)} s`;
  const body = `${source.padEnd(12)}  ${text}`;
  return colours ? `${time}  \x1b[${COLOURS[source]}m${body}\x1b[0m` : `${time}  ${body}`;
}
