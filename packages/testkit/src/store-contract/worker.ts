import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import type { CoordinationStore } from "@holdfast/core";
import type { StoreRecipe } from "./backend.js";
import { incrementForever, incrementUntil } from "./increment.js";
import { runProgram } from "./program.js";
import type { WorkerMessage, WorkerRequest, WorkerVerb, WorkerVerbs } from "./worker-protocol.js";

/*
 * A process of its own with a store client of its own, told over IPC what to do. Whoever tests it may stop it and
 * kill it at any moment.
 */

const CALL = { timeoutMs: 10_000 };
let store: CoordinationStore | undefined;

async function makeStore(recipe: StoreRecipe): Promise<CoordinationStore> {
  const url = isAbsolute(recipe.module) ? pathToFileURL(recipe.module).href : recipe.module;
  const module = (await import(url)) as Record<string, unknown>;
  const make = module[recipe.exportName];
  if (typeof make !== "function") throw new Error(`${recipe.module} exports no function ${recipe.exportName}.`);
  return make(recipe.options) as CoordinationStore;
}

const opened = (): CoordinationStore => {
  if (store === undefined) throw new Error("The worker was not told to open a store.");
  return store;
};

const send = (message: WorkerMessage) => void process.send?.(message);

const verbs: { [V in WorkerVerb]: (argument: WorkerVerbs[V]["argument"]) => Promise<WorkerVerbs[V]["answer"]> } = {
  async open({ recipe, timeoutMs }) {
    store = await makeStore(recipe);
    await store.open({ timeoutMs });
    return null;
  },
  get: async ({ path }) => (await opened().get(path, CALL)) ?? null,
  create: ({ path, data, options }) => opened().create(path, data, options),
  put: ({ path, data, expected, timeoutMs }) => opened().put(path, data, expected, { timeoutMs }),
  async enqueue({ path, candidate }) {
    await opened().enqueue(path, candidate, CALL);
    return null;
  },
  increment: ({ path, untilNumber }) => incrementUntil(opened(), path, untilNumber, CALL),
  async incrementForever({ path }) {
    await incrementForever(opened(), path, CALL, (number, count) => send({ kind: "acknowledged", number, count }));
    return null;
  },
  program: ({ path, program, startAtMs }) => runProgram(opened(), path, program, startAtMs, CALL),
  async close() {
    await opened().close();
    return null;
  },
};

async function answer<V extends WorkerVerb>({ id, verb, argument }: WorkerRequest<V>): Promise<void> {
  try {
    send({ kind: "answer", id, value: await verbs[verb](argument) });
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
    send({
      kind: "failure",
      id,
      code,
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}

process.on("message", (request: WorkerRequest) => void answer(request));
// Nobody is left to answer to.
process.on("disconnect", () => process.exit(0));
