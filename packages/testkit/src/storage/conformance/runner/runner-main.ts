/**
 * The storage process of the suite: calls a strategy in the tree it is started in, one line of JSON per request, and
 * touches the mounted volume for the tests. Requests run side by side, because one on a hung mount never answers.
 */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Grant, VOLUME_MARK_DIRECTORY, volumeEpochFormat, volumeMarkFormat } from "@holdfast/core";
import { createOp, nativeVolumeTools, readMounts } from "@holdfast/effects";
import { loadStrategy } from "../strategy-reference.js";
import { Applications } from "./applications.js";
import { countEffects } from "./effects.js";
import { FileProcess } from "./file-process.js";
import {
  CRASHED,
  decodeLine,
  encodeLine,
  HELPER_PREFIX,
  type HelperVerb,
  type HelperVerbs,
  type Request,
  type Response,
  type RunnerEvent,
  type RunnerOptions,
  toWireError,
} from "./protocol.js";

const options = JSON.parse(process.argv[2] ?? "") as RunnerOptions;
const files = new FileProcess();
const applications = new Applications((application, ended) => tell({ event: "application", application, ended }));

const helpers: { [V in HelperVerb]: (argument: HelperVerbs[V]["argument"]) => Promise<HelperVerbs[V]["result"]> } = {
  open: (argument) => files.ask("open", argument),
  write: (argument) => files.ask("write", argument),
  fsync: (argument) => files.ask("fsync", argument),
  close: (argument) => files.ask("close", argument),
  read: (argument) => files.ask("read", argument),
  list: (argument) => files.ask("list", argument),
  makeDirectory: (argument) => files.ask("makeDirectory", argument),
  lock: (argument) => applications.lock(argument),
  unlock: (argument) => applications.unlock(argument),
  start: (argument) => applications.start(argument),
  signal: (argument) => applications.signal(argument),
  look: (argument) => applications.look(argument),
  exec: (argument) => applications.exec(argument),
  mounts: () => readMounts(),
  mark,
  recordEpoch,
};

async function mark({ path, service, role }: HelperVerbs["mark"]["argument"]): Promise<null> {
  const directory = join(path, VOLUME_MARK_DIRECTORY);
  await mkdir(directory, { recursive: true });
  await mkdir(join(path, "data"), { recursive: true });
  const createdAt = new Date().toISOString();
  const record = { v: 1, volumeId: randomUUID(), service, layout: "data", createdAt, role } as const;
  await writeFile(join(directory, "volume.json"), volumeMarkFormat.serialize(record), { flush: true });
  await writeFile(join(directory, "claim"), "", { flush: true });
  return null;
}

async function recordEpoch({ path, ...record }: HelperVerbs["recordEpoch"]["argument"]): Promise<null> {
  const file = join(path, VOLUME_MARK_DIRECTORY, "epoch.json");
  const at = new Date().toISOString();
  await writeFile(file, volumeEpochFormat.serialize({ v: 1, ...record, at }), { flush: true });
  return null;
}

const strategy = (await loadStrategy(options.strategy)) as unknown as Record<string, unknown>;

async function serve(request: Request): Promise<Response> {
  const { id, verb } = request;
  if (verb.startsWith(HELPER_PREFIX)) {
    const helper = helpers[verb.slice(HELPER_PREFIX.length) as HelperVerb] as (argument: unknown) => Promise<unknown>;
    return settle(id, [], () => helper(request.arguments[0]));
  }
  const base = createOp({
    signal: new AbortController().signal,
    logger: { log: (level, message, fields = {}) => tell({ event: "log", level, message, fields }) },
    volumeTools: nativeVolumeTools(options.init),
    workDirectory: options.workDirectory,
  });
  const counter = countEffects(base, request.crash);
  const method = strategy[verb];
  if (typeof method !== "function") throw new Error(`the strategy has no ${verb}`);
  const response = await settle(id, counter.effects, () =>
    method.call(strategy, counter.op, ...request.arguments.map(revive)),
  );
  // Whatever the strategy made of it: a killed process answers nothing.
  if (!counter.crashed) return response;
  const crash = { code: CRASHED, message: "ended at the crash point", hint: "", retryable: false, detail: {} };
  return { id, error: crash, effects: counter.effects };
}

/** A grant leaves its signal behind when it travels. */
function revive(argument: unknown): unknown {
  const isGrant = typeof argument === "object" && argument !== null && "run" in argument && "epoch" in argument;
  return isGrant ? ({ ...argument, signal: new AbortController().signal } as Grant) : argument;
}

async function settle(id: number, effects: readonly string[], act: () => unknown): Promise<Response> {
  try {
    return { id, result: (await act()) ?? null, effects };
  } catch (error) {
    return { id, error: toWireError(error), effects };
  }
}

function tell(message: Response | RunnerEvent): void {
  process.stdout.write(encodeLine(message));
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const request = decodeLine(line) as Request;
  serve(request).then(tell, (error: unknown) => tell({ id: request.id, error: toWireError(error), effects: [] }));
});
tell({ event: "ready" });
