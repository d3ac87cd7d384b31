/** Keeps a file that looks like /proc/uptime, ahead of the real one by what another file says. For tests only. */
import { openSync, readFileSync, writeSync } from "node:fs";

const [, , file, offsetFile] = process.argv as [string, string, string, string];
const FIELD_WIDTH = 16;
const PERIOD_MS = 5;

const output = openSync(file, "r+");
setInterval(() => {
  const [uptime] = readFileSync("/proc/uptime", "utf8").split(" ");
  const seconds = Number(uptime) + Number(readFileSync(offsetFile, "utf8")) / 1_000;
  // One write of a fixed length in place: a reader sees the old time or the new, never none.
  writeSync(output, `${seconds.toFixed(2).padEnd(FIELD_WIDTH)} 0.00\n`, 0);
}, PERIOD_MS);
