import {
  type CoordinationStore,
  errorCode,
  HoldfastError,
  type Logger,
  type StoreCallOptions,
  type StoreVersion,
} from "@holdfast/core";
import { CallRunner, type StoreCall } from "./calls.js";
import { RECORD_BYTES_MAX, readNewest } from "./chain.js";
import { exists } from "./files.js";
import { type Sight, watchSight } from "./hints.js";
import { recordDirectory } from "./names.js";
import { findRootFindings, openRoot } from "./open.js";
import { readOwnIdentity } from "./owner.js";
import { drawTicket, QueueReader } from "./queue.js";
import { createRecord, deleteRecord, getRecord, isLive, listRecords, putRecord } from "./records.js";
import { DirectoryTicket } from "./tickets.js";

export interface DirectoryStoreOptions {
  /** Absolute. Made by `open` when it is not there; an existing one must be empty or a store. */
  readonly directory: string;
  readonly logger?: Logger;
}

/** How long `close` takes at most to remove what would outlive this process's use of the store. */
const CLOSE_TIMEOUT_MS = 1_000;
const LOOK_TIMEOUT_MS = 1_000;

/**
 * A store for one machine: a directory on a local file system, without a server. Wait-free: a process that is stopped
 * or killed anywhere holds up nobody. A write is on the disk when it is acknowledged. More than the interface demands:
 * reads are not stale either, and a version never comes back.
 */
export function createDirectoryStore(options: DirectoryStoreOptions): CoordinationStore {
  const { directory, logger } = options;
  const self = readOwnIdentity();
  const runner = new CallRunner(directory);
  const context = { self, logger };
  const closed = new AbortController();
  const ticketContext = { runner, directory, self, closed: closed.signal };
  const ephemerals = new Map<string, StoreVersion>();
  const tickets = new Set<DirectoryTicket>();
  let closing: Promise<void> | undefined;

  async function run<T>(
    what: string,
    callOptions: StoreCallOptions,
    body: (call: StoreCall) => Promise<T>,
  ): Promise<T> {
    assertOpen();
    return runner.run(what, callOptions, body);
  }

  function assertOpen(): void {
    if (closing === undefined) return;
    throw new HoldfastError("STORE_CLOSED", `The store ${directory} was closed.`, { hint: "Open another one." });
  }

  /** What ends with the process must end with the store object too, in a process that lives on. */
  async function removeTraces(): Promise<void> {
    const bound = { timeoutMs: CLOSE_TIMEOUT_MS };
    const work = [
      ...[...tickets].map((ticket) => ticket.leave(bound)),
      ...[...ephemerals].map(([path, { created }]) =>
        runner.run(`remove ${path}`, bound, async (call) => {
          const entry = await getRecord(call, context, path);
          if (entry?.version.created === created) await deleteRecord(call, context, path, entry.version);
        }),
      ),
    ];
    for (const result of await Promise.allSettled(work)) {
      // They go when the process ends, as after a kill. What is no store error is a defect.
      if (result.status === "rejected" && errorCode(result.reason) === undefined) throw result.reason;
    }
  }

  return {
    description: `directory ${directory}`,
    recordBytesMax: RECORD_BYTES_MAX,
    async open(callOptions) {
      assertOpen();
      await runner.open(callOptions, (signal) => openRoot(directory, signal));
    },
    get: (path, callOptions) => run(`get ${path}`, callOptions, (call) => getRecord(call, context, path)),
    async create(path, data, callOptions) {
      assertFits(path, data);
      const ephemeral = callOptions.ephemeral === true;
      const version = await run(`create ${path}`, callOptions, (call) =>
        createRecord(call, context, path, data, ephemeral ? self : null),
      );
      if (ephemeral) ephemerals.set(path, version);
      return version;
    },
    async put(path, data, expected, callOptions) {
      assertFits(path, data);
      return run(`put ${path}`, callOptions, (call) => putRecord(call, context, path, data, expected));
    },
    async delete(path, expected, callOptions) {
      await run(`delete ${path}`, callOptions, (call) => deleteRecord(call, context, path, expected));
      ephemerals.delete(path);
    },
    list: (path, callOptions) => run(`list ${path}`, callOptions, (call) => listRecords(call, context, path)),
    watch(path, listener, signal) {
      const look = () =>
        runner.run(`look at ${path}`, { timeoutMs: LOOK_TIMEOUT_MS, signal }, async (call): Promise<Sight> => {
          const record = recordDirectory(path);
          const newest = await readNewest(call, record);
          if (newest !== undefined) {
            const { chain, version } = newest;
            const identity = `${version.created} ${version.number} ${isLive(version, context)}`;
            return { identity, watchPaths: [chain.shown, parentOf(chain.shown, 2)] };
          }
          let above = record;
          while (above !== "." && !(await exists(`${call.root}/${above}`))) above = parentOf(above, 1);
          return { identity: "none", watchPaths: [`${directory}/${above}`] };
        });
      watchSight(look, () => listener(), AbortSignal.any([signal, closed.signal]));
    },
    async enqueue(path, candidate, callOptions) {
      const own = await run(`enqueue in ${path}`, callOptions, (call) => drawTicket(call, path, candidate, self));
      const ticket: DirectoryTicket = new DirectoryTicket(ticketContext, path, own, () => tickets.delete(ticket));
      tickets.add(ticket);
      return ticket;
    },
    candidates: (path, callOptions) =>
      run(`candidates of ${path}`, callOptions, async (call) => {
        const living = await new QueueReader(path, self).living(call);
        return living.map(({ candidate }) => candidate);
      }),
    health: () => runner.health(),
    changeServer() {
      // One directory is one server: there is no other, and its reads do not contradict its writes.
    },
    findings: (callOptions) => run("findings", callOptions, (call) => findRootFindings(call.root, directory)),
    close() {
      closing ??= removeTraces().finally(() => {
        closed.abort();
        runner.close();
      });
      return closing;
    },
  };
}

const parentOf = (path: string, levels: number) => path.split("/").slice(0, -levels).join("/") || ".";

function assertFits(path: string, data: Uint8Array): void {
  if (data.byteLength <= RECORD_BYTES_MAX) return;
  throw new HoldfastError("RECORD_TOO_LARGE", `${path} would have ${data.byteLength} bytes.`, {
    hint: `A record holds at most ${RECORD_BYTES_MAX} bytes.`,
    detail: { bytes: data.byteLength, bytesMax: RECORD_BYTES_MAX },
  });
}
