/**
 * What a fault row leaves behind, as plain data: the writers' own logs and the data set on the volume. The judge
 * sees nothing else; in particular it never asks the program under test.
 */

/** One acknowledged write. All times are CLOCK_MONOTONIC milliseconds, comparable across processes of a machine. */
export interface Acknowledgement {
  readonly seq: number;
  /** Read just before the write was handed to the kernel. */
  readonly beforeMs: number;
  /** Read after the write had returned. */
  readonly afterMs: number;
  readonly value: string;
}

/** The log of one writing process; it lies beside the volume, never on it. */
export interface WriterLog {
  readonly epoch: bigint;
  readonly run: string;
  readonly pid: number;
  readonly acknowledgements: readonly Acknowledgement[];
}

/** One record of the shared data file, in the file's order. */
export interface DataRecord {
  readonly epoch: bigint;
  readonly run: string;
  readonly pid: number;
  readonly seq: number;
  /** The writer's clock just before the write. */
  readonly atMs: number;
  readonly value: string;
}

export interface Evidence {
  readonly logs: readonly WriterLog[];
  readonly data: readonly DataRecord[];
  /** When the fault had been observed to be there. */
  readonly faultMs: number;
}

const NS_PER_MS = 1e6;

/**
 * A record's length in bytes. It divides the page size, so that no record crosses a page: a process killed in the
 * middle of write(2) leaves whole pages behind, thus whole records, and half a line means real damage.
 */
export const DATA_RECORD_BYTES = 128;

/** `epoch run pid seq beforeNs value`, padded with blanks: what a writer appends to the data file. */
export function formatDataRecord(record: {
  readonly epoch: string;
  readonly run: string;
  readonly pid: number;
  readonly seq: number;
  readonly beforeNs: bigint;
  readonly value: string;
}): string {
  const line = `${record.epoch} ${record.run} ${record.pid} ${record.seq} ${record.beforeNs} ${record.value}`;
  if (line.length >= DATA_RECORD_BYTES) throw new Error(`a record of ${line.length} bytes: ${line}`);
  return `${line.padEnd(DATA_RECORD_BYTES - 1)}\n`;
}

/** @throws Error naming the first line that is not a whole record: the data set is damaged. */
export function parseData(text: string): DataRecord[] {
  return completeLines(text, "data file", "all").map((line, index) => {
    const [epoch, run, pid, seq, beforeNs, value, ...more] = line.trimEnd().split(" ");
    if (
      line.length !== DATA_RECORD_BYTES - 1 ||
      epoch === undefined ||
      run === undefined ||
      value === undefined ||
      more.length > 0 ||
      !/^\d+$/.test(epoch)
    ) {
      throw new Error(`line ${index + 1} of the data file is damaged: ${JSON.stringify(line)}`);
    }
    return { epoch: BigInt(epoch), run, pid: Number(pid), seq: Number(seq), atMs: Number(beforeNs) / NS_PER_MS, value };
  });
}

/** First line `epoch run pid`, then `seq beforeNs afterNs value`. A last line cut short was never acknowledged. */
export function parseWriterLog(text: string): WriterLog {
  const [header, ...lines] = completeLines(text, "writer log", "drop-last");
  const [epoch, run, pid] = (header ?? "").split(" ");
  if (epoch === undefined || run === undefined || pid === undefined) {
    throw new Error(`a writer log without its header: ${JSON.stringify(header)}`);
  }
  const acknowledgements = lines.map((line) => {
    const [seq, beforeNs, afterNs, value] = line.split(" ");
    if (value === undefined) throw new Error(`a writer log is damaged: ${JSON.stringify(line)}`);
    return { seq: Number(seq), beforeMs: Number(beforeNs) / NS_PER_MS, afterMs: Number(afterNs) / NS_PER_MS, value };
  });
  return { epoch: BigInt(epoch), run, pid: Number(pid), acknowledgements };
}

function completeLines(text: string, what: string, unfinished: "all" | "drop-last"): string[] {
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  if (last !== "" && unfinished === "all") throw new Error(`the ${what} ends in half a line: ${JSON.stringify(last)}`);
  return lines;
}
