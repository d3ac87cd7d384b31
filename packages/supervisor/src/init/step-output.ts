import type { Readable } from "node:stream";

const CHARACTERS_MAX = 512 * 1024;

/** Standard output of the steps, which share one descriptor and therefore run one at a time. */
export class StepOutput {
  readonly #stream: Readable;
  #text = "";

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      if (this.#text.length < CHARACTERS_MAX) this.#text += chunk;
    });
    // The other end is gone; what the step said by then is all there is.
    stream.on("error", () => undefined);
  }

  reset(): void {
    this.#text = "";
  }

  /**
   * Hands over what the step wrote, once it is read. It was written before the step's end was reported, but the report
   * may be read in a round of the event loop that had asked the kernel before either was there: only the next round is
   * sure to have seen the output.
   */
  collect(onText: (text: string) => void): void {
    setImmediate(() => setImmediate(() => onText(this.#text)));
  }

  dispose(): void {
    this.#stream.destroy();
  }
}
