import type { ServerResponse } from "node:http";
import type { MarathonEvent } from "../core/model.js";
import { timestamp } from "../core/model.js";
import type { Driver } from "../driver.js";
import type { HttpFaults } from "./faults.js";

/** Facts 13: a reader that has this much waiting is disconnected. */
const BUFFERED_EVENTS_MAX = 1_024;

/** One event as a frame: CRLF separated, no id, so nothing can be asked for again. */
function frame(event: MarathonEvent): string {
  return `event: ${event.eventType}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`;
}

/** The open event streams of a leader. */
export class EventStreams {
  readonly #open = new Set<() => void>();
  readonly #driver: Driver;
  readonly #faults: HttpFaults;

  constructor(driver: Driver, faults: HttpFaults) {
    this.#driver = driver;
    this.#faults = faults;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Takes over the response. `types` empty = all. */
  attach(response: ServerResponse, remoteAddress: string, types: readonly string[]): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    const wanted = new Set(types);
    let waiting = 0;
    const timers = new Set<NodeJS.Timeout>();
    const write = (event: MarathonEvent) => {
      if (this.#faults.eventsSilent || response.destroyed) return;
      waiting += 1;
      if (waiting > BUFFERED_EVENTS_MAX) close();
      else
        response.write(frame(event), () => {
          waiting -= 1;
        });
    };
    const listener = (event: MarathonEvent) => {
      if (wanted.size > 0 && !wanted.has(event.eventType)) return;
      if (this.#faults.eventDelayMs === 0) {
        write(event);
        return;
      }
      const timer = setTimeout(() => {
        timers.delete(timer);
        write(event);
      }, this.#faults.eventDelayMs);
      timers.add(timer);
    };
    const stopListening = this.#driver.listen(listener);
    const heartbeat = setInterval(() => {
      if (!this.#faults.eventsSilent) response.write("\r\n");
    }, this.#driver.sim.flags.sseHeartbeatMs);
    const close = () => {
      if (!this.#open.delete(close)) return;
      stopListening();
      clearInterval(heartbeat);
      for (const timer of timers) clearTimeout(timer);
      response.destroy();
      this.#announce("event_stream_detached", remoteAddress);
    };
    this.#open.add(close);
    response.on("close", close);
    this.#announce("event_stream_attached", remoteAddress);
  }

  closeAll(): void {
    for (const close of [...this.#open]) close();
  }

  #announce(eventType: string, remoteAddress: string): void {
    const event = { remoteAddress, eventType, timestamp: timestamp(Date.now()) };
    this.#driver.apply((sim) => sim.out.push({ kind: "event", event }));
  }
}
