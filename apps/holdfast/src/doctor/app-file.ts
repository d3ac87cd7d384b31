import { readFile, stat } from "node:fs/promises";
import { HoldfastError, type LintFinding } from "@holdfast/core";
import { appsIn, lintDefinition } from "@holdfast/orchestrator-marathon";
import { parseDocument } from "yaml";

const BYTES_MAX = 16 * 1024 * 1024;

/** What is found in one app definition. */
export interface AppReport {
  readonly file: string;
  /** Where in the file it stands; empty = the file is the definition. */
  readonly pointer: string;
  readonly id: string | null;
  readonly findings: readonly LintFinding[];
}

/**
 * Reads every Marathon app definition in a JSON file: one app, a list, a group, or what Marathon's API answers.
 * @throws `BAD_CONFIGURATION`: there is no such file, or it may not be read; `INVALID_SPEC`: it is no JSON, or has no app.
 */
export async function reportApps(file: string): Promise<readonly AppReport[]> {
  return judgeApps(parse(file, await readText(file)), file);
}

/** Pure. @throws `INVALID_SPEC`: no app definition is in it. */
export function judgeApps(document: unknown, file: string): readonly AppReport[] {
  const apps = appsIn(document);
  if (apps.length === 0) {
    throw new HoldfastError("INVALID_SPEC", `${file} holds no app definition.`, {
      hint: "Give what you send to PUT /v2/apps/ID, or what GET /v2/apps answers. Pods are not looked at.",
    });
  }
  return apps.map(({ pointer, definition }) => ({
    file,
    pointer,
    id: idOf(definition),
    findings: lintDefinition(definition),
  }));
}

function idOf(definition: unknown): string | null {
  const known = typeof definition === "object" && definition !== null && "id" in definition;
  return known && typeof definition.id === "string" ? definition.id : null;
}

/** Pure: what people read; one line per finding, with why and fix below. */
export function appLines({ file, pointer, id, findings }: AppReport): string[] {
  const count = (severity: LintFinding["severity"], word: string) => {
    const { length } = findings.filter((finding) => finding.severity === severity);
    return `${length} ${word}${length === 1 ? "" : "s"}`;
  };
  const width = Math.max(0, ...findings.map(({ code }) => code.length));
  return [
    `${id ?? "app"} (${file}${pointer === "" ? "" : `#${pointer}`}): ${count("error", "error")}, ${count("warning", "warning")}`,
    ...findings.flatMap(({ severity, code, pointer: at, why, fix }) => [
      `  ${severity.padEnd(8)}${code.padEnd(width)}  ${at === "" ? "(the whole)" : at}`,
      `          why: ${why}`,
      `          fix: ${fix}`,
    ]),
  ];
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size <= BYTES_MAX) return await readFile(file, "utf8");
  } catch (cause) {
    throw new HoldfastError("BAD_CONFIGURATION", `${file} cannot be read.`, {
      hint: "Check the path and its mode.",
      cause,
    });
  }
  throw new HoldfastError("INVALID_SPEC", `${file} has more than ${BYTES_MAX} bytes.`, {
    hint: "Is it the right file? Give one group at a time.",
  });
}

/** Parsers' messages quote the text, and a definition may have secrets in it: the place is enough. */
function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HoldfastError("INVALID_SPEC", `${file}${faultyLine(text)}: this is not JSON.`, {
      hint: "Marathon takes JSON only; look at commas and quotes there.",
    });
  }
}

/** JSON.parse says where only in newer versions of Node. */
function faultyLine(text: string): string {
  const line = parseDocument(text, { schema: "json", prettyErrors: true }).errors[0]?.linePos?.[0].line;
  return line === undefined ? "" : `:${line}`;
}
