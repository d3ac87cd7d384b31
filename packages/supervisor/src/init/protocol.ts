import type { ProcessIdentity } from "@holdfast/effects";

/** The kinds of tree an init can be the top of, best first. */
export const TREE_KINDS = ["pid-namespace", "user-pid-namespace", "subreaper"] as const;
export type TreeKind = (typeof TREE_KINDS)[number];

/** What the guard asks of the init, one line each. */
export type InitCommand =
  /** Absolute CLOCK_BOOTTIME: everything of the tree is dead by then. Answered with `alive`. */
  | { readonly type: "deadline"; readonly bootNs: bigint }
  /** Lifts the deadline; accepted only when the application was started as a replica. */
  | { readonly type: "deadline-none" }
  | { readonly type: "env"; readonly name: string; readonly value: string }
  | { readonly type: "claim"; readonly path: string }
  | { readonly type: "unclaim" }
  | { readonly type: "step"; readonly id: string; readonly argv: readonly string[] }
  | { readonly type: "step-kill"; readonly id: string }
  | { readonly type: "start" }
  /** Starts the application while no deadline is set: it runs without a grant and must not write until promoted. */
  | { readonly type: "start-replica" }
  | { readonly type: "signal"; readonly number: number }
  | { readonly type: "kill" };

export interface InitHello {
  readonly type: "hello";
  readonly version: number;
  readonly tree: string;
  readonly init: ProcessIdentity;
  readonly monoNs: bigint;
  readonly bootNs: bigint;
  readonly mountProc: boolean;
}

/** How a program ended. */
export type Ended =
  | { readonly kind: "code"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: number };

/** How a step ended, or why it never began. */
export type StepOutcome =
  | Ended
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "exec"; readonly errno: number; readonly message: string };

export type InitReport =
  | InitHello
  | { readonly type: "alive"; readonly bootNs: bigint }
  | { readonly type: "claim"; readonly result: "ok" | "held" }
  | { readonly type: "claim"; readonly result: "error"; readonly errno: number; readonly message: string }
  | { readonly type: "step"; readonly id: string; readonly outcome: StepOutcome }
  | { readonly type: "started"; readonly pid: number }
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "exec"; readonly errno: number; readonly message: string }
  | { readonly type: "exit"; readonly ended: Ended }
  | { readonly type: "left"; readonly count: number }
  | { readonly type: "gone" }
  | { readonly type: "error"; readonly message: string };

const PLAIN = /^[A-Za-z0-9_./:=,@+-]+$/;

/** Percent-encodes each byte that could be taken for a separator; the empty string is a lone `%`. */
export function encodeField(text: string): string {
  if (text === "") return "%";
  if (PLAIN.test(text)) return text;
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const character = String.fromCharCode(byte);
    encoded += PLAIN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The reverse. Bytes that are no UTF-8 become U+FFFD: what is decoded here is only shown to people. */
export function decodeField(field: string): string {
  if (field === "%") return "";
  if (!field.includes("%")) return field;
  const bytes: number[] = [];
  for (let index = 0; index < field.length; index++) {
    const hex = field.slice(index + 1, index + 3);
    if (field[index] === "%" && /^[0-9A-Fa-f]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      index += 2;
    } else {
      bytes.push(field.charCodeAt(index));
    }
  }
  return Buffer.from(bytes).toString("utf8");
}

export function formatInitCommand(command: InitCommand): string {
  switch (command.type) {
    case "deadline":
      return `deadline ${command.bootNs}\n`;
    case "deadline-none":
      return "deadline none\n";
    case "env":
      return `env ${encodeField(`${command.name}=${command.value}`)}\n`;
    case "claim":
      return `claim ${encodeField(command.path)}\n`;
    case "step":
      return `step ${encodeField(command.id)} ${command.argv.map(encodeField).join(" ")}\n`;
    case "step-kill":
      return `step-kill ${encodeField(command.id)}\n`;
    case "signal":
      return `signal ${command.number}\n`;
    case "unclaim":
    case "start":
    case "start-replica":
    case "kill":
      return `${command.type}\n`;
  }
}

/** Anything that is not understood is reported as an error and changes nothing. */
export function parseInitLine(line: string): InitReport {
  const [verb = "", ...fields] = line.split(" ");
  return (
    parseFields(verb, fields) ?? { type: "error", message: `a line that is not understood: ${line.slice(0, 200)}` }
  );
}

function parseFields(verb: string, fields: readonly string[]): InitReport | undefined {
  const [first = "", second = "", third = "", ...rest] = fields;
  switch (verb) {
    case "hello":
      return parseHello(fields);
    case "alive":
      return isNatural(first) ? { type: "alive", bootNs: BigInt(first) } : undefined;
    case "claim":
      if (first === "ok" || first === "held") return { type: "claim", result: first };
      return first === "error" && isNatural(second)
        ? { type: "claim", result: "error", errno: Number(second), message: decodeField(third) }
        : undefined;
    case "step": {
      const outcome = parseStep(second, third, rest);
      return outcome === undefined ? undefined : { type: "step", id: decodeField(first), outcome };
    }
    case "started":
      return isNatural(first) ? { type: "started", pid: Number(first) } : undefined;
    case "refused":
      return { type: "refused", reason: decodeField(first) };
    case "exec":
      return isNatural(first) ? { type: "exec", errno: Number(first), message: decodeField(second) } : undefined;
    case "exit": {
      const ended = parseEnded(first, second);
      return ended === undefined ? undefined : { type: "exit", ended };
    }
    case "left":
      return isNatural(first) ? { type: "left", count: Number(first) } : undefined;
    case "gone":
      return { type: "gone" };
    case "error":
      return { type: "error", message: decodeField(first) };
    default:
      return undefined;
  }
}

function parseHello(fields: readonly string[]): InitHello | undefined {
  const [version = "", tree = "", pid = "", startTicks = "", monoNs = "", bootNs = "", mountProc] = fields;
  if (![version, pid, startTicks, monoNs, bootNs].every(isNatural)) return undefined;
  return {
    type: "hello",
    version: Number(version),
    tree,
    init: { pid: Number(pid), startTicks },
    monoNs: BigInt(monoNs),
    bootNs: BigInt(bootNs),
    mountProc: mountProc === "yes",
  };
}

function parseStep(kind: string, detail: string, rest: readonly string[]): StepOutcome | undefined {
  if (kind === "refused") return { kind, reason: decodeField(detail) };
  if (kind === "exec" && isNatural(detail)) return { kind, errno: Number(detail), message: decodeField(rest[0] ?? "") };
  return parseEnded(kind === "exit" ? "code" : kind, detail);
}

function parseEnded(kind: string, number: string): Ended | undefined {
  if (!isNatural(number)) return undefined;
  if (kind === "code") return { kind, code: Number(number) };
  return kind === "signal" ? { kind, signal: Number(number) } : undefined;
}

function isNatural(text: string): boolean {
  return /^[0-9]{1,20}$/.test(text);
}
