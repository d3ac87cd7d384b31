import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import { errorCode, hasCode, type QueueCandidate, type QueueTicket, type StoreCallOptions } from "@holdfast/core";
import zookeeper from "node-zookeeper-client";
import { aheadOf, inOrder, type QueueName, queueNamePrefix } from "./queue-names.js";
import {
  childrenOf,
  countdown,
  createPlain,
  listRecords,
  type RecordsContext,
  statOf,
  withParents,
} from "./records.js";
import type { CallSubject } from "./translate.js";
import { guarded } from "./watch.js";

export interface QueueContext extends RecordsContext {
  /** Bound of one step done in the background. Milliseconds. */
  readonly armMs: number;
}

const FORMAT_VERSION = 1;
const { CreateMode } = zookeeper;

export async function enqueueCandidate(
  context: QueueContext,
  path: string,
  candidate: QueueCandidate,
  options: StoreCallOptions,
): Promise<QueueTicket> {
  const entry = new QueueEntry(context, path, candidate);
  try {
    await entry.enter(options);
  } catch (error) {
    if (context.workarounds.adoptsOwnQueueEntry) entry.removeInBackground();
    throw error;
  }
  return {
    place: (placeOptions) => entry.place(placeOptions),
    onPredecessorGone: (listener, signal) => entry.onPredecessorGone(listener, signal),
    leave: (leaveOptions) => entry.leave(leaveOptions),
  } satisfies QueueTicket;
}

export async function listCandidates(
  context: QueueContext,
  path: string,
  options: StoreCallOptions,
): Promise<readonly QueueCandidate[]> {
  const { link, paths } = context;
  const remaining = countdown(options);
  const queue = inOrder(await listRecords(context, path, remaining()));
  const bound = remaining();
  const found = await Promise.all(
    queue.map(async ({ name }) => {
      const node = `${paths.absolute(path)}/${name}`;
      try {
        return await link.call<QueueCandidate>(
          { repeatable: true, what: `read candidate ${name}` },
          (client, done) =>
            client.getData(node, (error, data: Buffer | undefined) =>
              done(error, error ? undefined : parseCandidate(name, data)),
            ),
          bound,
        );
      } catch (error) {
        if (hasCode(error, "RECORD_MISSING")) return undefined; // it has left meanwhile
        throw error;
      }
    }),
  );
  return found.filter((candidate) => candidate !== undefined);
}

/** What one candidate has in the queue: an ephemeral sequential node, found again by its name after a lost answer. */
class QueueEntry {
  readonly #context: QueueContext;
  readonly #path: string;
  readonly #data: Buffer;
  readonly #ticket = randomUUID();
  /** The node, and the session that it will end with. */
  #own: { readonly name: string; readonly session: string } | undefined;
  /** The candidate that was just ahead when the place was last asked for. */
  #ahead: string | undefined;
  #left = false;

  constructor(context: QueueContext, path: string, candidate: QueueCandidate) {
    this.#context = context;
    this.#path = path;
    this.#data = Buffer.from(JSON.stringify({ v: FORMAT_VERSION, ...candidate }));
  }

  async enter(options: StoreCallOptions): Promise<void> {
    const { link, paths, acl, workarounds } = this.#context;
    const remaining = countdown(options);
    const node = paths.absolute(`${this.#path}/${queueNamePrefix(this.#ticket)}`);
    const request = createPlain(node, this.#data, acl(), CreateMode.EPHEMERAL_SEQUENTIAL);
    for (;;) {
      let unknown: unknown;
      try {
        const created = await withParents(this.#context, `${this.#path}/x`, remaining(), (bound) =>
          link.call({ repeatable: false, what: `enqueue in ${this.#path}` }, request, bound),
        );
        this.#remember(basename(created));
        return;
      } catch (error) {
        if (!workarounds.adoptsOwnQueueEntry || !hasCode(error, "UNKNOWN_OUTCOME")) throw error;
        unknown = error;
      }
      try {
        // Should the lost request be carried out later after all, place() finds a second node of this ticket and removes it.
        if (await this.#adopt(remaining)) return;
      } catch (error) {
        throw hasCode(error, "STORE_UNREACHABLE") ? unknown : error;
      }
    }
  }

  async place(options: StoreCallOptions): Promise<number> {
    if (this.#left) return 0;
    const remaining = countdown(options);
    let queue = await this.#list(remaining());
    if (!this.#stands(queue)) {
      await this.enter(remaining());
      queue = await this.#list(remaining());
    }
    const own = this.#own?.name ?? "";
    const doubles = queue.filter(({ ticket, name }) => ticket === this.#ticket && name !== own);
    for (const { name } of doubles) await this.#remove(name, remaining());
    const others = aheadOf(queue, own).filter(({ ticket }) => ticket !== this.#ticket);
    this.#ahead = others.at(-1)?.name;
    return others.length;
  }

  /** Calls back once. Watches the candidate just ahead and nobody else, so one departure wakes one candidate. */
  onPredecessorGone(listener: () => void, signal: AbortSignal): void {
    const notify = guarded(listener);
    // Whom the caller knows to be ahead: he may have left before this was called.
    let ahead = this.#ahead;
    const follow = async () => {
      while (!signal.aborted && !this.#left) {
        try {
          const bound = { timeoutMs: this.#context.armMs, signal };
          const queue = await this.#list(bound);
          ahead ??= aheadOf(queue, this.#own?.name ?? "").at(-1)?.name;
          if (ahead !== undefined && !queue.some(({ name }) => name === ahead)) {
            notify();
            return;
          }
          await this.#untilDisturbed(ahead, signal);
        } catch (error) {
          if (errorCode(error) === undefined && !signal.aborted) throw error;
          await this.#untilDisturbed(undefined, signal, this.#context.armMs);
        }
      }
    };
    void follow();
  }

  async leave(options: StoreCallOptions): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    try {
      await this.#removeAll(options);
    } catch (error) {
      this.removeInBackground();
      throw error;
    }
  }

  /** Removes what this ticket may have in the queue, as soon as that can be done. The session's end does it too. */
  removeInBackground(): void {
    this.#left = true;
    const done = new AbortController();
    const attempt = async () => {
      try {
        await this.#removeAll({ timeoutMs: this.#context.armMs });
        done.abort();
      } catch (error) {
        if (errorCode(error) === undefined) throw error;
      }
    };
    this.#context.link.onConnect(() => void attempt(), done.signal);
    void attempt();
  }

  /** Takes over a node of this ticket that this very session owns; removes those of an earlier one. */
  async #adopt(remaining: () => StoreCallOptions): Promise<boolean> {
    const { link } = this.#context;
    for (const { name, ticket } of await this.#list(remaining())) {
      if (ticket !== this.#ticket) continue;
      const subject: CallSubject = { repeatable: true, what: `look at candidate ${name}` };
      const stat = await link.call(subject, statOf(this.#node(name)), remaining());
      if (stat === null) continue;
      if (link.sessionId?.equals(stat.ephemeralOwner) === true) {
        this.#remember(name);
        return true;
      }
      await this.#remove(name, remaining());
    }
    return false;
  }

  #remember(name: string): void {
    this.#own = { name, session: this.#session() };
  }

  #session(): string {
    return this.#context.link.sessionId?.toString("hex") ?? "";
  }

  #stands(queue: readonly QueueName[]): boolean {
    const own = this.#own;
    return own !== undefined && own.session === this.#session() && queue.some(({ name }) => name === own.name);
  }

  async #list(options: StoreCallOptions): Promise<QueueName[]> {
    const { link, paths } = this.#context;
    const subject: CallSubject = { repeatable: true, what: `list ${this.#path}` };
    try {
      return inOrder(await link.call(subject, childrenOf(paths.absolute(this.#path)), options));
    } catch (error) {
      if (hasCode(error, "RECORD_MISSING")) return [];
      throw error;
    }
  }

  async #removeAll(options: StoreCallOptions): Promise<void> {
    const remaining = countdown(options);
    for (const { name, ticket } of await this.#list(remaining())) {
      if (ticket === this.#ticket) await this.#remove(name, remaining());
    }
  }

  async #remove(name: string, options: StoreCallOptions): Promise<void> {
    const subject: CallSubject = { repeatable: true, what: `leave ${this.#path}` };
    try {
      await this.#context.link.call<void>(
        subject,
        (client, done) => client.remove(this.#node(name), -1, (error) => done(error)),
        options,
      );
    } catch (error) {
      if (!hasCode(error, "RECORD_MISSING")) throw error;
    }
  }

  #node(name: string): string {
    return `${this.#context.paths.absolute(this.#path)}/${name}`;
  }

  /** Resolves when that node changes or goes, when a new session begins (and all watches are gone), or after `limitMs`. */
  async #untilDisturbed(name: string | undefined, signal: AbortSignal, limitMs?: number): Promise<void> {
    const { link, armMs } = this.#context;
    const over = new AbortController();
    const disturbed = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true, signal: over.signal });
      link.onConnect((fresh) => (fresh || limitMs !== undefined) && resolve(), over.signal);
      if (limitMs !== undefined) setTimeout(resolve, limitMs).unref();
      if (name === undefined) return;
      const subject: CallSubject = { repeatable: true, what: `watch candidate ${name}` };
      const armed = link.call(
        subject,
        (client, done) =>
          client.exists(
            this.#node(name),
            () => resolve(),
            (error, stat) => done(error, stat),
          ),
        { timeoutMs: armMs, signal },
      );
      armed.then(
        (stat) => stat === null && resolve(),
        // Not armed: look again, which fails in the same way and is handled there.
        () => resolve(),
      );
    });
    if (signal.aborted) return;
    await disturbed;
    over.abort();
  }
}

function parseCandidate(name: string, data: Buffer | undefined): QueueCandidate {
  const unknown: QueueCandidate = { run: name, agent: "unknown", since: "" };
  if (data === undefined) return unknown;
  try {
    const { run, agent, since } = JSON.parse(data.toString()) as Partial<Record<keyof QueueCandidate, unknown>>;
    return typeof run === "string" && typeof agent === "string" && typeof since === "string"
      ? { run, agent, since }
      : unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return unknown;
    throw error;
  }
}
