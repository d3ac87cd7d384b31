import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { parseEvents, type WriteEvent } from "../writer/log.js";

const CHUNK_BYTES = 256 * 1024;

/** Follows a writer's log from outside, as it grows. */
export class LogFollower {
  readonly #path: string;
  readonly events: WriteEvent[] = [];
  #offset = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads what came since; nothing when the log is not there yet. */
  catchUp(): void {
    let file: number;
    try {
      file = openSync(this.#path, "r");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      throw error;
    }
    try {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      while (this.#offset < fstatSync(file).size) {
        const bytes = readSync(file, buffer, 0, CHUNK_BYTES, this.#offset);
        this.#offset += bytes;
        const text = this.#rest + buffer.toString("latin1", 0, bytes);
        const end = text.lastIndexOf("\n") + 1;
        this.#rest = text.slice(end);
        for (const event of parseEvents(text.slice(0, end))) this.events.push(event);
      }
    } finally {
      closeSync(file);
    }
  }
}

export interface Progress {
  readonly epoch: bigint;
  readonly agent: string;
  readonly acknowledged: number;
  readonly firstMs: number;
}

/** All writers of the cluster together. */
export class Acknowledgements {
  readonly #followers: ReadonlyMap<string, LogFollower>;

  constructor(logs: ReadonlyMap<string, string>) {
    this.#followers = new Map([...logs].map(([agent, path]) => [agent, new LogFollower(path)]));
  }

  /** The newest epoch with an acknowledgement after a moment, and how many it has since; undefined = none yet. */
  newest(afterMs: number): Progress | undefined {
    let newest: { epoch: bigint; agent: string; acknowledged: number; firstMs: number } | undefined;
    for (const [agent, follower] of this.#followers) {
      follower.catchUp();
      for (let index = follower.events.length - 1; index >= 0; index -= 1) {
        const event = follower.events[index];
        if (event === undefined || event.atMs <= afterMs) break;
        if (event.kind !== "acknowledged") continue;
        const { epoch, atMs } = event;
        if (newest === undefined || epoch > newest.epoch) newest = { epoch, agent, acknowledged: 0, firstMs: atMs };
        if (epoch === newest.epoch) {
          newest.acknowledged += 1;
          newest.firstMs = Math.min(newest.firstMs, atMs);
        }
      }
    }
    return newest;
  }

  /** Everything so far. */
  logs(): Map<string, readonly WriteEvent[]> {
    for (const follower of this.#followers.values()) follower.catchUp();
    return new Map([...this.#followers].map(([agent, follower]) => [agent, follower.events]));
  }
}
