import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("../test/recorded/", import.meta.url));

export interface RecordedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export function names(pattern: RegExp): string[] {
  return readdirSync(directory)
    .filter((name) => pattern.test(name))
    .sort();
}

export const bytes = (name: string) => readFileSync(`${directory}${name}`);
const text = (name: string) => bytes(name).toString("utf8");
export const json = (name: string): unknown => JSON.parse(text(name));

/** What went over the wire: the body as text, with its 64-bit integers untouched. */
export function response(call: string): RecordedResponse & { readonly wire: string } {
  const recorded = json(`${call}.response.json`) as RecordedResponse;
  if (typeof recorded.body === "string") return { ...recorded, wire: recorded.body };
  if (recorded.body === null) return { ...recorded, wire: "" };
  // Parsing and printing again would round them.
  const raw = text(`${call}.response.json`);
  return { ...recorded, wire: raw.slice(raw.indexOf('"body":') + '"body":'.length, raw.lastIndexOf("}")) };
}

export const request = (call: string) => json(`${call}.request.json`) as Record<string, unknown>;
