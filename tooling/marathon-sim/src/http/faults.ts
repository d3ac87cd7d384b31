import type { Answer } from "./answer.js";

export interface RequestMatch {
  /** `GET`, `PUT`, …; omitted = any. */
  readonly method?: string;
  /** Against the path; omitted = any. */
  readonly path?: RegExp;
}

type Fault =
  | { readonly kind: "lose-reply" }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "hold"; readonly release: Promise<void> };

interface Armed {
  readonly match: RequestMatch;
  readonly fault: Fault;
  left: number;
}

/** What goes wrong between a client and the leader, as a test wants it. Each fault is used up by what it hits. */
export class HttpFaults {
  /** Milliseconds by which every event reaches its streams late. */
  eventDelayMs = 0;
  /** Streams stay open and nothing comes, heartbeats included. */
  eventsSilent = false;
  readonly #armed: Armed[] = [];

  /** The request is carried out; then the connection dies without an answer (facts 15.9). */
  loseReply(match: RequestMatch = {}, times = 1): void {
    this.#armed.push({ match, fault: { kind: "lose-reply" }, left: times });
  }

  /** That answer instead of carrying the request out: a 503 as plain text, a 502 of a proxy. */
  answerWith(answer: Pick<Answer, "status" | "contentType" | "body">, match: RequestMatch = {}, times = 1): void {
    const whole: Answer = { headers: {}, data: undefined, ...answer };
    this.#armed.push({ match, fault: { kind: "answer", answer: whole }, left: times });
  }

  /** The request is carried out and its answer waits until the returned function is called. */
  holdReply(match: RequestMatch = {}): () => void {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#armed.push({ match, fault: { kind: "hold", release: released }, left: 1 });
    return release;
  }

  take(method: string, path: string): Fault | undefined {
    const found = this.#armed.find(
      ({ match, left }) =>
        left > 0 && (match.method ?? method) === method && (match.path === undefined || match.path.test(path)),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.fault;
  }

  /** Faults that nothing has hit: a test that ends with some has not tested what it says. */
  unused(): number {
    return this.#armed.reduce((sum, { left }) => sum + left, 0);
  }
}
