import type { QueueCandidate, QueueTicket, StoreCallOptions } from "@holdfast/core";
import type { CallRunner } from "./calls.js";
import { exists } from "./files.js";
import { type Sight, watchSight } from "./hints.js";
import { judgeOwner, type Owner } from "./owner.js";
import { drawTicket, QueueReader, removeTicket, type Ticket, ticketFile } from "./queue.js";

const LOOK_TIMEOUT_MS = 1_000;

export interface TicketContext {
  readonly runner: CallRunner;
  readonly directory: string;
  readonly self: Owner;
  /** Aborts when the store is closed. */
  readonly closed: AbortSignal;
}

/** One's own place in a queue. */
export class DirectoryTicket implements QueueTicket {
  readonly #context: TicketContext;
  readonly #path: string;
  readonly #candidate: QueueCandidate;
  readonly #reader: QueueReader;
  readonly #onLeft: () => void;
  #own: Ticket;
  #left = false;
  /** The one just ahead when the place was last asked for; null = nobody, undefined = not asked yet. */
  #ahead: Ticket | null | undefined;

  constructor(context: TicketContext, path: string, own: Ticket, onLeft: () => void) {
    this.#onLeft = onLeft;
    this.#context = context;
    this.#path = path;
    this.#candidate = own.candidate;
    this.#own = own;
    this.#reader = new QueueReader(path, context.self);
  }

  async place(options: StoreCallOptions): Promise<number> {
    return this.#context.runner.run(`place in ${this.#path}`, options, async (call) => {
      let living = await this.#reader.living(call, this.#own.name);
      if (!this.#left && !living.some(({ name }) => name === this.#own.name)) {
        // Somebody took this process for gone, or cleared the queue: it goes to the end.
        this.#own = await drawTicket(call, this.#path, this.#candidate, this.#context.self);
        living = await this.#reader.living(call, this.#own.name);
      }
      const place = Math.max(
        0,
        living.findIndex(({ name }) => name === this.#own.name),
      );
      this.#ahead = living[place - 1] ?? null;
      return place;
    });
  }

  onPredecessorGone(listener: () => void, signal: AbortSignal): void {
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, this.#context.closed, ended.signal]);
    const look = async (): Promise<Sight> => {
      if (this.#ahead === undefined) await this.place({ timeoutMs: LOOK_TIMEOUT_MS, signal: stop });
      return this.#ahead == null ? { identity: "nobody", watchPaths: [] } : this.#lookAt(this.#ahead, stop);
    };
    const onChange = ({ identity }: Sight) => {
      if (identity === "there") return;
      ended.abort();
      if (identity === "gone") listener();
    };
    watchSight(look, onChange, stop);
  }

  async #lookAt(ahead: Ticket, signal: AbortSignal): Promise<Sight> {
    const { runner, directory, self } = this.#context;
    const file = ticketFile(this.#path, ahead.name);
    const options = { timeoutMs: LOOK_TIMEOUT_MS, signal };
    const isThere = await runner.run(`look at ${this.#path}`, options, async (call) => {
      if (judgeOwner(ahead.owner, self) === "gone") await removeTicket(call, this.#path, ahead.name);
      return exists(`${call.root}/${file}`);
    });
    return isThere ? { identity: "there", watchPaths: [`${directory}/${file}`] } : { identity: "gone", watchPaths: [] };
  }

  async leave(options: StoreCallOptions): Promise<void> {
    this.#left = true;
    await this.#context.runner.run(`leave ${this.#path}`, options, (call) =>
      removeTicket(call, this.#path, this.#own.name),
    );
    this.#onLeft();
  }
}
