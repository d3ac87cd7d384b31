/** What an answer that is not a success says, in whatever form it came. */
export interface ErrorBody {
  /** Marathon's own sentence; undefined when the body is not Marathon's JSON. */
  readonly message: string | undefined;
  /** One per complaint, with the path in the request where one is named: `/upgradeStrategy: is greater than 1`. */
  readonly details: readonly ErrorDetail[];
  /** The deployments that lock the app (409). */
  readonly deployments: readonly string[];
  /** A line for people, never empty. */
  readonly words: string;
}

export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

const WORDS_MAX = 300;

/**
 * Reads every form that Marathon, Jetty in front of it, plugins and proxies give to an error: `{message}`; with `details`
 * as a string, as a list of `{path, errors}`, or as an object by path; `errors` as a list or an object in either place; an
 * HTML page (basic authentication); plain text; nothing. Source: MarathonExceptionMapper.scala, RestResource.scala and
 * the JSON errors of Play; it throws for none of them.
 */
export function parseErrorBody(text: string): ErrorBody {
  const json = parseObject(text);
  if (json === undefined) {
    return { message: undefined, details: [], deployments: [], words: wordsOfText(text) };
  }
  const message = typeof json.message === "string" ? json.message : undefined;
  const details = [...flatten("", json.details), ...flatten("", json.errors)];
  const { deployments } = json;
  return {
    message,
    details,
    deployments: Array.isArray(deployments) ? deployments.flatMap(idOf) : [],
    words: message === undefined ? wordsOfText(text) : sentence(message, details),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // not JSON, which is one of the forms
  }
}

function idOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "object" && value !== null && "id" in value && typeof value.id === "string") return [value.id];
  return [];
}

/** Any nesting of strings, lists and objects, as one list; names of members become the path. */
function flatten(path: string, value: unknown): ErrorDetail[] {
  if (typeof value === "string") return [{ path, message: value }];
  if (typeof value === "number" || typeof value === "boolean") return [{ path, message: String(value) }];
  if (Array.isArray(value)) return value.flatMap((item) => flatten(path, item));
  if (typeof value !== "object" || value === null) return [];
  const { path: own, ...rest } = value as Record<string, unknown>;
  const here = typeof own === "string" ? own : path;
  return Object.entries(rest).flatMap(([name, member]) =>
    // These are words of the format; any other name is a field of the request.
    /^(errors?|messages?|msg|details?|attribute)$/.test(name)
      ? flatten(here, member)
      : flatten(`${here}/${name}`, member),
  );
}

function sentence(message: string, details: readonly ErrorDetail[]): string {
  const complaints = details.map(({ path, message: text }) => (path === "" ? text : `${path}: ${text}`));
  return limited([message, ...complaints].join("; "));
}

function wordsOfText(text: string): string {
  const title = /<title>([^<]*)<\/title>/i.exec(text)?.[1];
  const plain = title ?? text.replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " ");
  const words = limited(plain.replace(/\s+/g, " ").trim());
  return words === "" ? "no explanation" : words;
}

function limited(text: string): string {
  return text.length > WORDS_MAX ? `${text.slice(0, WORDS_MAX)}…` : text;
}
