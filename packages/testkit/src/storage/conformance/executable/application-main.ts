/**
 * The application of the executable's rows: keeps a journal in HOLDFAST_DATA_DIR, one line per record. At its start it
 * prints what the journal holds; `write` then appends a record every few milliseconds and prints it once it is synced.
 * Everything is synchronous, so that nothing is printed that is not so.
 */
import { fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const PERIOD_MS = 20;
const [, , mode] = process.argv;
const epoch = process.env.HOLDFAST_EPOCH ?? "";
const path = join(process.env.HOLDFAST_DATA_DIR ?? "", "journal");
const file = openSync(path, "a+");

const say = (line: string) => void writeSync(1, `${line}\n`);

/** Epochs in the order of their records, how many each has, and the first record that is not where it should be. */
function readJournal(): { counts: Record<string, number>; broken: string | null } {
  const counts: Record<string, number> = {};
  let broken: string | null = null;
  let last = 0n;
  // What follows the last newline was never acknowledged.
  for (const line of readFileSync(path, "latin1").split("\n").slice(0, -1)) {
    const match = /^(\d+) (\d+) \.+$/.exec(line);
    const [, of = "0", number = ""] = match ?? [];
    const expected = counts[of] ?? 0;
    if (match === null || BigInt(of) < last || Number(number) !== expected) broken ??= line.slice(0, 60);
    last = BigInt(of);
    counts[of] = expected + 1;
  }
  return { counts, broken };
}

say(`found ${JSON.stringify({ epoch, ...readJournal() })}`);
if (mode === "write") {
  let number = 0;
  const append = () => {
    writeSync(file, `${epoch} ${number} ${".".repeat(40)}\n`);
    fsyncSync(file);
    say(`ack ${number}`);
    number += 1;
  };
  setInterval(append, PERIOD_MS);
}
