import { HoldfastError, type QueueCandidate, type StoreEntry, type StoreVersion, sameVersion } from "@holdfast/core";

interface Node extends StoreEntry {
  /** Client whose end removes it; null = persistent. */
  readonly owner: string | null;
}

export interface FakeTicket {
  readonly id: number;
  readonly candidate: QueueCandidate;
  readonly owner: string;
}

/**
 * `strict`: a write is refused unless the whole version matches.
 * `by-number`: as ZooKeeper does it, only the number is compared, and numbers restart when a record is created
 * again; a caller finds out from `created` in the answer.
 */
export type VersionCheck = "strict" | "by-number";

/** The records and queues of a fake store, without clients, time or faults. */
export class FakeStoreState {
  readonly #versionCheck: VersionCheck;
  /** Every state a path was in, newest last; undefined = there was no record. */
  readonly #states = new Map<string, (Node | undefined)[]>();
  readonly #queues = new Map<string, FakeTicket[]>();
  readonly #watchers = new Map<string, Set<() => void>>();
  #counter = 0;

  constructor(versionCheck: VersionCheck) {
    this.#versionCheck = versionCheck;
  }

  read(path: string, versionsBehind = 0): StoreEntry | undefined {
    const states = this.#states.get(path) ?? [];
    const node = states[Math.max(0, states.length - 1 - versionsBehind)];
    return node === undefined ? undefined : { data: node.data.slice(), version: node.version };
  }

  /** What a server that stops following would go on answering. */
  freeze(): (path: string) => StoreEntry | undefined {
    const lengths = new Map([...this.#states].map(([path, states]) => [path, states.length]));
    return (path) => {
      const known = lengths.get(path) ?? 0;
      return known === 0 ? undefined : this.read(path, (this.#states.get(path)?.length ?? 0) - known);
    };
  }

  create(path: string, data: Uint8Array, owner: string | null): StoreVersion {
    if (this.read(path) !== undefined) {
      throw new HoldfastError("RECORD_EXISTS", `${path} exists.`, { hint: "Read it and decide again." });
    }
    this.#counter += 1;
    const version = { created: `created-${this.#counter}`, number: 0 };
    this.#become(path, { data: data.slice(), version, owner });
    return version;
  }

  put(path: string, data: Uint8Array, expected: StoreVersion): StoreVersion {
    const node = this.#current(path);
    if (node === undefined) {
      throw new HoldfastError("RECORD_MISSING", `${path} does not exist.`, { hint: "Stop, or create it." });
    }
    this.#check(path, node, expected);
    const version = { created: node.version.created, number: node.version.number + 1 };
    this.#become(path, { data: data.slice(), version, owner: node.owner });
    return version;
  }

  delete(path: string, expected: StoreVersion): void {
    const node = this.#current(path);
    if (node === undefined) return;
    this.#check(path, node, expected);
    this.#become(path, undefined);
  }

  /** By hand, without a version check. */
  remove(path: string): void {
    if (this.#current(path) !== undefined) this.#become(path, undefined);
  }

  list(path: string): string[] {
    const names = new Set<string>();
    const prefix = `${path}/`;
    const known = [...this.#states.keys()].filter((key) => this.#current(key) !== undefined);
    for (const key of [...known, ...this.#queues.keys()]) {
      const name = key.startsWith(prefix) ? key.slice(prefix.length).split("/")[0] : undefined;
      if (name !== undefined) names.add(name);
    }
    return [...names].sort();
  }

  watch(path: string, listener: () => void): () => void {
    const listeners = this.#watchers.get(path) ?? new Set();
    this.#watchers.set(path, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  enqueue(path: string, candidate: QueueCandidate, owner: string): FakeTicket {
    this.#counter += 1;
    const ticket = { id: this.#counter, candidate, owner };
    this.#queues.set(path, [...this.queue(path), ticket]);
    return ticket;
  }

  queue(path: string): readonly FakeTicket[] {
    return this.#queues.get(path) ?? [];
  }

  leave(path: string, id: number): void {
    const before = this.queue(path);
    if (!before.some((ticket) => ticket.id === id)) return;
    this.#queues.set(
      path,
      before.filter((ticket) => ticket.id !== id),
    );
    this.#notify(queueKey(path, id));
  }

  watchTicket(path: string, id: number, listener: () => void): () => void {
    return this.watch(queueKey(path, id), listener);
  }

  /** The client is gone: so are its ephemeral records and its places in queues. */
  endSession(owner: string): void {
    for (const path of this.#states.keys()) if (this.#current(path)?.owner === owner) this.#become(path, undefined);
    for (const [path, tickets] of this.#queues) {
      for (const ticket of tickets) if (ticket.owner === owner) this.leave(path, ticket.id);
    }
  }

  /** As after the loss of the store's disk. */
  empty(): void {
    this.#states.clear();
    this.#queues.clear();
    for (const path of this.#watchers.keys()) this.#notify(path);
  }

  #current(path: string): Node | undefined {
    return this.#states.get(path)?.at(-1);
  }

  #check(path: string, node: Node, expected: StoreVersion): void {
    const matches =
      this.#versionCheck === "strict" ? sameVersion(node.version, expected) : node.version.number === expected.number;
    if (matches) return;
    throw new HoldfastError("VERSION_CONFLICT", `${path} changed since it was read.`, {
      hint: "Read it and decide again.",
      detail: { expected, found: node.version },
    });
  }

  #become(path: string, node: Node | undefined): void {
    const states = this.#states.get(path) ?? [undefined];
    this.#states.set(path, [...states, node]);
    this.#notify(path);
  }

  #notify(key: string): void {
    for (const listener of [...(this.#watchers.get(key) ?? [])]) queueMicrotask(listener);
  }
}

const queueKey = (path: string, id: number) => `${path}\0${id}`;
