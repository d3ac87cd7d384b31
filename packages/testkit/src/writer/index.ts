import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DataRecord, parseData, parseWriterLog, type WriterLog } from "../judge/evidence.js";
import { DATA_FILE, DEFAULT_WRITER_OPTIONS, LOG_SUFFIX, type WriterOptions, writerArguments } from "./options.js";

export { DEFAULT_WRITER_OPTIONS, type WriterOptions } from "./options.js";

/** The command that runs a writer; `HOLDFAST_DATA_DIR`, `HOLDFAST_EPOCH` and `HOLDFAST_RUN` must be in its environment. */
export function writerCommand(options: Partial<WriterOptions> & Pick<WriterOptions, "logDirectory">): string[] {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  return [process.execPath, main, ...writerArguments({ ...DEFAULT_WRITER_OPTIONS, ...options })];
}

/** Every writer's log in the directory; a writer killed before its header was complete had not written anything. */
export function readWriterLogs(logDirectory: string): WriterLog[] {
  return readdirSync(logDirectory)
    .filter((name) => name.endsWith(LOG_SUFFIX))
    .map((name) => readFileSync(join(logDirectory, name), "utf8"))
    .filter((text) => text.includes("\n"))
    .map(parseWriterLog);
}

/** The data set as it is on the volume; missing = nothing was ever written. */
export function readDataSet(dataDirectory: string): DataRecord[] {
  const path = join(dataDirectory, DATA_FILE);
  return readdirSync(dataDirectory).includes(DATA_FILE) ? parseData(readFileSync(path, "utf8")) : [];
}
