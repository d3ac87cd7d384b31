import type { RecordParser } from "@holdfast/effects";

/** One event of a `text/event-stream`. */
export interface Frame {
  /** The `event:` line; `message` when there was none. */
  readonly event: string;
  readonly data: string;
}

/** Far above any real event: `api_post_event` holds one app. Beyond it, this is no event stream. */
const FRAME_CHARACTERS_MAX = 16 * 1024 * 1024;

/**
 * Incremental parser for server-sent events, as in the HTML standard (9.2.6): lines end with CRLF, LF or CR in any
 * mixture, frames end with an empty line, and bytes may be cut anywhere, inside a character or between CR and LF too.
 * Jetty's sign of life is an empty line by itself, which is no frame.
 */
export function createSseParser(charactersMax = FRAME_CHARACTERS_MAX): RecordParser<Frame> {
  const decoder = new TextDecoder("utf-8"); // drops a leading byte order mark, as the standard says
  let rest = "";
  let afterCr = false;
  let event = "";
  let data: string[] = [];
  let size = 0;

  function line(text: string, frames: Frame[]): void {
    if (text === "") {
      if (data.length > 0) frames.push({ event: event === "" ? "message" : event, data: data.join("\n") });
      event = "";
      data = [];
      size = 0;
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return; // a comment
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(text[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") event = value;
    else if (field === "data") {
      data.push(value);
      size += value.length;
    }
  }

  return {
    push(chunk) {
      let text = decoder.decode(chunk, { stream: true });
      if (text === "") return [];
      // The LF of a CRLF that was cut in two ended nothing.
      if (afterCr && text.startsWith("\n")) text = text.slice(1);
      afterCr = text.endsWith("\r");
      const frames: Frame[] = [];
      if (/[\r\n]/.test(text)) {
        const lines = (rest + text).split(/\r\n|\n|\r/);
        rest = lines.pop() ?? "";
        for (const each of lines) line(each, frames);
      } else {
        rest += text; // searched once, however many chunks a long line comes in
      }
      if (rest.length + size > charactersMax) throw new Error(`an event is longer than ${charactersMax} characters`);
      return frames;
    },
  };
}
