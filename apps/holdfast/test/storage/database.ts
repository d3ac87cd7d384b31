import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import type { StorageAgent } from "@holdfast/testkit";
import { createRedisEngine } from "../../src/dev/engines/redis.js";

const PORT = 6379;

/**
 * Redis cuts a half-written command off its log by itself, but refuses zeros at the end: what a client of CephFS leaves that is killed
 * after the file's new size was told and before the data was. Its own tool cuts those off, too.
 */
const RECOVER =
  'log="$HOLDFAST_DATA_DIR"/appendonlydir/appendonly.aof.manifest; ' +
  '! [ -e "$log" ] || redis-check-aof "$log" || yes | redis-check-aof --fix "$log" || exit 1; ';

/** Redis on the volume, acknowledging only what was fsynced; reachable at the agent's own address. */
export function redisCommand(agent: StorageAgent): readonly string[] {
  const server =
    RECOVER +
    'exec redis-server --bind "$0" --port 6379 --dir "$HOLDFAST_DATA_DIR" --daemonize no --protected-mode no ' +
    '--appendonly yes --appendfsync always --save "" --proc-title-template "{title} {listen-addr} epoch-$HOLDFAST_EPOCH"';
  return ["sh", "-c", server, agent.address];
}

export interface Acknowledgement {
  readonly key: string;
  readonly value: string;
  readonly epoch: bigint;
  readonly sentMs: number;
  readonly atMs: number;
}

/** A client that writes key after key to whoever serves, and keeps what it was told. */
export class RedisWriter {
  readonly acknowledged: Acknowledgement[] = [];
  readonly #ended = new AbortController();
  readonly #engine = createRedisEngine();
  #next = 0;
  readonly #running: Promise<void>;

  constructor(agents: readonly StorageAgent[]) {
    this.#running = Promise.all(agents.map((agent) => this.#write(agent))).then(() => undefined);
  }

  /** Every agent is tried all the time: a second writer would be seen. */
  async #write(agent: StorageAgent): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const attempt = AbortSignal.any([signal, AbortSignal.timeout(2_000)]);
      try {
        const session = await this.#engine.connect({ bind: agent.address, port: PORT, runDir: "" }, attempt);
        try {
          for (let until = monotonicMs() + 1_500; monotonicMs() < until && !signal.aborted; ) {
            const key = `k${this.#next++}`;
            const value = `v${Math.random().toString(36).slice(2)}`;
            const sentMs = monotonicMs();
            await session.insert(key, value);
            this.acknowledged.push({ key, value, epoch: session.epoch, sentMs, atMs: monotonicMs() });
          }
        } finally {
          session.close();
        }
      } catch {
        // Nobody serves there at the moment, or the answer did not come: then the key counts for nothing.
        await pause(20);
      }
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  count(epoch?: bigint): number {
    return this.acknowledged.filter((ack) => epoch === undefined || ack.epoch === epoch).length;
  }

  /** Acknowledged keys that the server at this agent does not have, or has with another value. */
  async lost(agent: StorageAgent): Promise<string[]> {
    const session = await this.#engine.connect(
      { bind: agent.address, port: PORT, runDir: "" },
      AbortSignal.timeout(60_000),
    );
    try {
      const data = await session.readAll();
      return this.acknowledged.filter(({ key, value }) => data.get(key) !== value).map(({ key }) => key);
    } finally {
      session.close();
    }
  }

  /** Milliseconds during which two epochs acknowledged writes; 0 = one writer at a time. */
  overlapMs(): number {
    const spans = new Map<bigint, { first: number; last: number }>();
    for (const { epoch, sentMs, atMs } of this.acknowledged) {
      const span = spans.get(epoch) ?? { first: sentMs, last: atMs };
      spans.set(epoch, { first: Math.min(span.first, sentMs), last: Math.max(span.last, atMs) });
    }
    const ordered = [...spans.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, span]) => span);
    return ordered.slice(1).reduce((worst, span, index) => {
      const before = ordered[index];
      return before === undefined ? worst : Math.max(worst, before.last - span.first);
    }, 0);
  }
}
