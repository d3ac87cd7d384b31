import { randomUUID } from "node:crypto";
import { type CoordinationStore, errorCode, type StoreCallOptions, type StoreVersion } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { type Program, type ProgramStep, REFUSALS, type RecordedOperation, type RefusalKind } from "./history.js";

/** Runs a program against a record and writes down what happened. Waits for the start, so that processes collide. */
export async function runProgram(
  store: CoordinationStore,
  path: string,
  program: Program,
  startAtMs: number,
  options: StoreCallOptions,
): Promise<RecordedOperation[]> {
  while (monotonicMs() < startAtMs) await new Promise(setImmediate);
  const seen: StoreVersion[] = [];
  const history: RecordedOperation[] = [];
  for (const step of program) {
    const operation = await runStep(store, path, step, seen, options);
    if (operation !== undefined) history.push(operation);
  }
  return history;
}

/** Undefined when the step needs a version and this process has seen none yet. */
async function runStep(
  store: CoordinationStore,
  path: string,
  step: ProgramStep,
  seen: StoreVersion[],
  options: StoreCallOptions,
): Promise<RecordedOperation | undefined> {
  const startMs = monotonicMs();
  const span = () => ({ startMs, endMs: monotonicMs() });
  if (step.op === "get") {
    const entry = await store.get(path, options);
    const times = span();
    if (entry !== undefined) seen.push(entry.version);
    const found = entry === undefined ? null : { version: entry.version, value: new TextDecoder().decode(entry.data) };
    return { op: "get", found, ...times };
  }
  const value = randomUUID();
  const data = new TextEncoder().encode(value);
  if (step.op === "create") {
    const result = await outcome(store.create(path, data, options));
    const times = span();
    if (result.kind !== "done") return { op: "create", value, result: { kind: result.kind }, ...times };
    seen.push(result.answer);
    return { op: "create", value, result: { kind: "done", version: result.answer }, ...times };
  }
  const expected = step.expect === "newest" ? seen.at(-1) : seen.at(-2);
  if (expected === undefined) return undefined;
  if (step.op === "delete") {
    const result = await outcome(store.delete(path, expected, options));
    return { op: "delete", expected, result: { kind: result.kind }, ...span() };
  }
  const result = await outcome(store.put(path, data, expected, options));
  const times = span();
  if (result.kind !== "done") return { op: "put", value, expected, result: { kind: result.kind }, ...times };
  seen.push(result.answer);
  return { op: "put", value, expected, result: { kind: "done", version: result.answer }, ...times };
}

async function outcome<T>(
  write: Promise<T>,
): Promise<{ readonly kind: "done"; readonly answer: T } | { readonly kind: RefusalKind }> {
  try {
    return { kind: "done", answer: await write };
  } catch (error) {
    const kind = REFUSALS[errorCode(error) ?? ""];
    if (kind === undefined) throw error;
    return { kind };
  }
}
