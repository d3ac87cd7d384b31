import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { defaultFlags } from "../core/flags.js";
import { emit } from "../core/model.js";
import { Driver } from "../driver.js";
import { EventStreams } from "./events.js";
import { HttpFaults } from "./faults.js";

/** A connection whose peer takes `reads` writes and then nothing more. */
class Connection extends EventEmitter {
  destroyed = false;
  written = 0;
  readonly #reads: number;
  constructor(reads: number) {
    super();
    this.#reads = reads;
  }
  writeHead(): void {
    this.written = 0;
  }
  flushHeaders(): void {
    this.written = 0;
  }
  write(_frame: string, done?: () => void): boolean {
    this.written += 1;
    if (this.written <= this.#reads) done?.();
    return true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

test("13: a reader that has more than 1024 events waiting is disconnected, and others are not", () => {
  const driver = new Driver(defaultFlags());
  onTestFinished(() => driver.close());
  const streams = new EventStreams(driver, new HttpFaults());
  const slow = new Connection(1);
  const quick = new Connection(Number.POSITIVE_INFINITY);
  for (const connection of [slow, quick]) streams.attach(connection as unknown as ServerResponse, "::1", ["x"]);
  const send = (count: number) => {
    for (let sent = 0; sent < count; sent += 1) driver.apply((sim) => emit(sim, "x", {}));
  };
  send(1_025);
  expect([slow.destroyed, quick.destroyed, streams.count]).toEqual([false, false, 2]);
  send(1);
  expect([slow.destroyed, quick.destroyed, streams.count]).toEqual([true, false, 1]);
});
