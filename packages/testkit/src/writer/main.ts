/**
 * The application of the fault suite: appends a record to the shared data file on the volume every few
 * milliseconds and notes each one that the kernel took in a log of its own. It is as badly behaved as its options
 * say, as real applications are. Everything is synchronous: no write may wait behind another one's callback.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { formatDataRecord } from "../judge/evidence.js";
import { DATA_FILE, LOG_SUFFIX, parseWriterOptions, type WriterOptions, writerArguments } from "./options.js";

const options = parseWriterOptions(process.argv.slice(2));

if (options.role === "forker") {
  // The middle process of the double fork: `detached` is setsid(2), and its own end hands the daemon to init.
  launch({ ...options, role: "daemon" });
} else {
  write(options);
}

/** Starts another copy in a session of its own that nobody waits for. */
function launch(as: WriterOptions): void {
  const [, script] = process.argv as [string, string];
  spawn(process.execPath, [script, ...writerArguments(as)], { detached: true, stdio: "ignore" }).unref();
}

function write(as: WriterOptions): void {
  const dataDirectory = required("HOLDFAST_DATA_DIR");
  const epoch = required("HOLDFAST_EPOCH");
  const run = required("HOLDFAST_RUN");
  // Opened once and kept: the descriptor of a former holder is the dangerous one.
  const data = openSync(join(dataDirectory, DATA_FILE), "a", 0o666);
  const log = openSync(join(as.logDirectory, `${epoch}-${run}-${process.pid}-${as.role}${LOG_SUFFIX}`), "a", 0o666);
  writeSync(log, `${epoch} ${run} ${process.pid}\n`);

  if (as.role === "main") misbehaveAtStart(as);
  const stopper = as.role === "daemon" ? ignoreSignals : handleSignals;
  const schedule = startWriting({ as, epoch, run, data, log });
  stopper(as, schedule);
}

function misbehaveAtStart(as: WriterOptions): void {
  if (as.daemon) launch({ ...as, role: "forker", daemon: false, children: 0, uid: null });
  if (as.children > 0) {
    // `exec` keeps the ignored signals: these children end by SIGKILL only.
    const script = `i=0; while [ $i -lt ${as.children} ]; do (trap "" TERM INT HUP; exec sleep 100000) & i=$((i+1)); done; wait`;
    spawn("/bin/sh", ["-c", script], { stdio: "ignore" });
  }
  if (as.uid !== null) {
    // A change of credentials clears the parent-death signal (prctl(2)), as gosu and su-exec do it.
    process.setgroups?.([]);
    process.setgid?.(as.uid);
    process.setuid?.(as.uid);
  }
}

interface Writing {
  readonly as: WriterOptions;
  readonly epoch: string;
  readonly run: string;
  readonly data: number;
  readonly log: number;
}

function startWriting({ as, epoch, run, data, log }: Writing): { stop(): void } {
  const origin = process.hrtime.bigint();
  let seq = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const append = () => {
    const value = randomBytes(4).toString("hex");
    const beforeNs = process.hrtime.bigint();
    writeSync(data, formatDataRecord({ epoch, run, pid: process.pid, seq, beforeNs, value }));
    if (as.sync) fdatasyncSync(data);
    const afterNs = process.hrtime.bigint();
    writeSync(log, `${seq} ${beforeNs} ${afterNs} ${value}\n`);
  };
  const next = () => {
    if (stopped) return;
    try {
      append();
    } catch (error) {
      if (as.onWriteError === "die") throw error;
    }
    // A key that was tried is never used again: it may be in the data though nobody was told.
    seq += 1;
    const elapsedMs = Number(process.hrtime.bigint() - origin) / 1e6;
    timer = setTimeout(next, as.periodMs - (elapsedMs % as.periodMs));
  };
  next();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function handleSignals(as: WriterOptions, schedule: { stop(): void }): void {
  const finish = () => {
    schedule.stop();
    process.exitCode = as.exitCode;
    // Nothing is left on the event loop but children and pipes of ours, which must not keep it alive.
    process.exit();
  };
  // The test's own order: end now, in the way the options say.
  process.on("SIGUSR2", () => {
    if (as.endBySignal === null) finish();
    else process.kill(process.pid, as.endBySignal);
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (as.onTerm === "ignore") return;
      if (as.onTerm === "at-once") finish();
      else setTimeout(finish, as.onTerm);
    });
  }
}

function ignoreSignals(): void {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment has no ${name}`);
  return value;
}
