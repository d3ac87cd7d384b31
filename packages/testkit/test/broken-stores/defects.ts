import type { CoordinationStore, StoreEntry, StoreVersion } from "@holdfast/core";
import type { FakeStoreServer } from "@holdfast/testkit";

/** One promise broken, in an otherwise correct store. */
export interface Defect {
  readonly name: string;
  /** Title of the test that must fail because of it. */
  readonly caughtBy: string;
  readonly breakStore: (store: CoordinationStore, server: FakeStoreServer) => Partial<CoordinationStore>;
}

const swallow =
  (...codes: readonly string[]) =>
  (error: { code?: string }): undefined => {
    if (error.code === undefined || !codes.includes(error.code)) throw error;
  };

export const defects: readonly Defect[] = [
  {
    name: "checks no version that is 0",
    caughtBy: "refuses a conflicting write at the very first version",
    breakStore: (store) => ({
      async put(path, data, expected, options) {
        const current = expected.number === 0 ? await store.get(path, options) : undefined;
        return store.put(path, data, current?.version ?? expected, options);
      },
    }),
  },
  {
    name: "lets the last of several writers win",
    caughtBy: "of many writes that expect the same version one wins",
    breakStore: (store) => ({
      async put(path, data, expected, options) {
        let version = expected;
        for (;;) {
          const written = await store.put(path, data, version, options).catch(swallow("VERSION_CONFLICT"));
          if (written !== undefined) return written;
          version = (await store.get(path, options))?.version ?? expected;
        }
      },
    }),
  },
  {
    name: "calls a refused write a success",
    caughtBy: "refuses every superseded version, however old",
    breakStore: (store) => ({
      put: async (path, data, expected, options) =>
        (await store.put(path, data, expected, options).catch(swallow("VERSION_CONFLICT"))) ?? expected,
    }),
  },
  {
    name: "acknowledges what it has not written",
    caughtBy: "replaces a version and answers with the next one",
    breakStore: () => ({
      put: async (_path, _data, expected) => ({ created: expected.created, number: expected.number + 1 }),
    }),
  },
  {
    name: "overwrites on create",
    caughtBy: "refuses to create what exists, and leaves it as it was",
    breakStore: (store) => ({
      async create(path, data, options) {
        const entry = await store.get(path, options);
        return entry === undefined ? store.create(path, data, options) : store.put(path, data, entry.version, options);
      },
    }),
  },
  {
    name: "gives every creation of a record the same identity",
    caughtBy: "a record created again after a delete is another one",
    breakStore: (store) => {
      const same = (version: StoreVersion): StoreVersion => ({ created: "same", number: version.number });
      const show = (entry: StoreEntry | undefined) =>
        entry === undefined ? undefined : { data: entry.data, version: same(entry.version) };
      const real = async (path: string, expected: StoreVersion): Promise<StoreVersion> => {
        const entry = await store.get(path, { timeoutMs: 1_000 });
        return { created: entry?.version.created ?? "", number: expected.number };
      };
      return {
        get: async (path, options) => show(await store.get(path, options)),
        create: async (path, data, options) => same(await store.create(path, data, options)),
        put: async (path, data, expected, options) =>
          same(await store.put(path, data, await real(path, expected), options)),
        delete: async (path, expected, options) => store.delete(path, await real(path, expected), options),
      };
    },
  },
  {
    name: "deletes at any version",
    caughtBy: "deletes at the expected version only, and knows the record no more",
    breakStore: (store) => ({
      async delete(path, expected, options) {
        const entry = await store.get(path, options);
        await store.delete(path, entry?.version ?? expected, options);
      },
    }),
  },
  {
    name: "creates what a write does not find",
    caughtBy: "fails to write what was never created",
    breakStore: (store) => ({
      put: async (path, data, expected, options) =>
        (await store.put(path, data, expected, options).catch(swallow("RECORD_MISSING"))) ??
        store.create(path, data, options),
    }),
  },
  {
    name: "takes payloads of any size",
    caughtBy: "takes the largest payload and refuses one byte more without effect",
    breakStore: (store) => ({ recordBytesMax: store.recordBytesMax - 1 }),
  },
  {
    name: "treats payloads as text",
    caughtBy: "reads back what was created, byte for byte",
    breakStore: (store) => ({
      create: (path, data, options) => store.create(path, Buffer.from(Buffer.from(data).toString("utf8")), options),
    }),
  },
  {
    name: "lists grandchildren",
    caughtBy: "lists the direct children, and nothing for what does not exist",
    breakStore: (store) => ({
      async list(path, options) {
        const names = await store.list(path, options);
        const below = await Promise.all(names.map((name) => store.list(`${path}/${name}`, options)));
        return [...names, ...below.flat()];
      },
    }),
  },
  {
    name: "says missing while it is away",
    caughtBy: "a store that is away is unreachable, not empty, and works again when it is back",
    breakStore: (store) => ({
      get: (path, options) => store.get(path, options).catch(swallow("STORE_UNREACHABLE")),
    }),
  },
  {
    name: "waits for a hanging store without a limit",
    caughtBy: "every call to a hanging store ends at its timeout, and says what it knows",
    breakStore: (store) => ({
      get: (path, options) => store.get(path, { ...options, timeoutMs: options.timeoutMs + 10_000 }),
    }),
  },
  {
    name: "calls an unanswered write unreachable and makes it later",
    caughtBy: "after a hang the outcome of an unanswered write is what the record says",
    breakStore: (store) => ({
      async put(path, data, expected, options) {
        try {
          return await store.put(path, data, expected, options);
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "UNKNOWN_OUTCOME")) throw error;
          void store.put(path, data, expected, { timeoutMs: 60_000 });
          throw Object.assign(error, { code: "STORE_UNREACHABLE" });
        }
      },
    }),
  },
  {
    name: "ignores signals",
    caughtBy: "an aborted signal ends a call to a hanging store at once",
    breakStore: (store) => ({
      put: (path, data, expected, { timeoutMs }) =>
        store.put(path, data, expected, { timeoutMs: Math.min(timeoutMs, 3_000) }),
    }),
  },
  {
    name: "works after close",
    caughtBy: "a closed store does nothing any more, and may be closed again",
    breakStore: () => ({ close: async () => undefined }),
  },
  {
    name: "watches once",
    caughtBy: "a watch calls back after each change that another client makes",
    breakStore: (store) => ({
      watch(path, listener, signal) {
        let called = false;
        store.watch(
          path,
          () => {
            if (!called) listener();
            called = true;
          },
          signal,
        );
      },
    }),
  },
  {
    name: "goes on watching",
    caughtBy: "a watch ends with its signal",
    breakStore: (store) => ({
      watch: (path, listener) => store.watch(path, listener, new AbortController().signal),
    }),
  },
  {
    name: "keeps ephemeral records",
    caughtBy: "an ephemeral record is a record while its creator lives, and goes when the client is closed",
    breakStore: (store) => ({
      create: (path, data, options) => store.create(path, data, { ...options, ephemeral: false }),
    }),
  },
  {
    name: "puts the last candidate first",
    caughtBy: "a queue orders its candidates by arrival",
    breakStore: (store) => ({
      async enqueue(path, candidate, options) {
        const ticket = await store.enqueue(path, candidate, options);
        return {
          ...ticket,
          place: async (call) => (await store.candidates(path, call)).length - 1 - (await ticket.place(call)),
        };
      },
    }),
  },
  {
    name: "wakes every candidate when one leaves",
    caughtBy: "a candidate that leaves wakes the one behind it and nobody else",
    breakStore: (store) => ({
      async enqueue(path, candidate, options) {
        const ticket = await store.enqueue(path, candidate, options);
        return {
          ...ticket,
          onPredecessorGone: (listener) => void listeners.add(listener),
          async leave(call) {
            await ticket.leave(call);
            for (const listener of listeners) listener();
          },
        };
      },
    }),
  },
];

const listeners = new Set<() => void>();

/** A client of a fake store of its own kind, with the defect. */
export function breakIt(defect: Defect, server: FakeStoreServer): CoordinationStore {
  const store = server.connect();
  return { ...store, ...defect.breakStore(store, server) };
}
