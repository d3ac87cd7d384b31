import { readFile, stat } from "node:fs/promises";
import { HoldfastError, type Service, serviceSchema } from "@holdfast/core";
import { type Document, LineCounter, parseAllDocuments, type YAMLError } from "yaml";
import { type FileProblem, problemsOf } from "./issues.js";
import { locate } from "./locate.js";

const BYTES_MAX = 1024 * 1024;

export interface ServiceFile {
  readonly path: string;
  readonly service: Service;
  /** An `INVALID_SPEC` error about what is found wrong later, with file and line as if the schema had found it. */
  problem(problems: readonly FileProblem[], cause?: unknown): HoldfastError;
}

/**
 * Reads a service file.
 * @throws `INVALID_SPEC`: names file, line and key of everything that is wrong, and what to do;
 *   `BAD_CONFIGURATION`: there is none, or it may not be read.
 */
export async function readServiceFile(path: string): Promise<ServiceFile> {
  return parseServiceFile(await readText(path), path);
}

/** Pure. @throws `INVALID_SPEC`. */
export function parseServiceFile(text: string, path: string): ServiceFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const syntax = Array.isArray(documents) ? documents.flatMap((document) => document.errors) : [];
  if (syntax.length > 0) throw syntaxError(path, lines, syntax);
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (document === undefined || document.contents === null) {
    throw new HoldfastError("INVALID_SPEC", `${path} is empty.`, {
      hint: "A service file begins with apiVersion: holdfast/v1.",
    });
  }
  if (second !== undefined) {
    const { line } = lines.linePos(second.range[0]);
    throw new HoldfastError("INVALID_SPEC", `${path}:${line}: a second document begins here.`, {
      hint: "A service file describes one service; put the other into a file of its own.",
    });
  }
  const problem = (problems: readonly FileProblem[], cause?: unknown) =>
    specError(path, document, lines, problems, cause);
  const parsed = serviceSchema.safeParse(plainValue(path, document));
  if (!parsed.success) throw problem(problemsOf(parsed.error.issues), parsed.error);
  return { path, service: parsed.data, problem };
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size <= BYTES_MAX) return await readFile(path, "utf8");
    throw new HoldfastError("INVALID_SPEC", `${path} has ${size} bytes.`, {
      hint: `A service file has at most ${BYTES_MAX} bytes; is it the right one?`,
    });
  } catch (error) {
    throw translate(path, error);
  }
}

function translate(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR") {
    return new HoldfastError("BAD_CONFIGURATION", `There is no service file ${path}.`, {
      hint: "Give its path with -f. docs/reference/service-file.md describes what stands in one.",
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new HoldfastError("BAD_CONFIGURATION", `The service file ${path} may not be read.`, {
      hint: "Correct its mode or owner; it holds no secrets.",
      cause: error,
    });
  }
  return error;
}

/** Aliases are expanded; a file in which they multiply beyond reason is refused by the parser. */
function plainValue(path: string, document: Document.Parsed): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new HoldfastError("INVALID_SPEC", `${path}: ${cause instanceof Error ? cause.message : String(cause)}.`, {
      hint: "Write the values out instead of using aliases.",
      cause,
    });
  }
}

/** The first ones are the mistakes; the rest is what the parser makes of them. */
const SYNTAX_ERRORS_MAX = 3;

function syntaxError(path: string, lines: LineCounter, errors: readonly YAMLError[]): HoldfastError {
  const texts = errors.slice(0, SYNTAX_ERRORS_MAX).map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0]);
    return `${path}:${line}:${col}: ${message.split("\n", 1)[0]?.replace(/\.?$/, ".") ?? ""}`;
  });
  const more = errors.length - texts.length;
  if (more > 0) texts.push(`${more} more, most of which follow from these.`);
  return new HoldfastError("INVALID_SPEC", texts.join("\n"), {
    hint: "The file is not YAML there: look at indentation, quotes and colons.",
  });
}

function specError(
  path: string,
  document: Document.Parsed,
  lines: LineCounter,
  problems: readonly FileProblem[],
  cause: unknown,
): HoldfastError {
  const found = problems.map((problem) => {
    const place = locate(document, lines, problem.keys, problem.atKey);
    return { ...problem, line: place.line, text: `${path}:${place.line}:${place.column}: ${dotted(problem.keys)}` };
  });
  found.sort((a, b) => a.line - b.line);
  const fixes = [...new Set(found.map(({ fix }) => fix))];
  return new HoldfastError("INVALID_SPEC", found.map(({ text, message }) => `${text}: ${message}.`).join("\n"), {
    hint: fixes.join(" "),
    detail: { path, problems: found.map(({ line, keys, message }) => ({ line, key: dotted(keys), message })) },
    cause,
  });
}

/** `spec.storage[0].mountPath`. */
function dotted(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}${text === "" ? "" : "."}${String(key)}`),
    "",
  );
}
