import { type ParseArgsConfig, parseArgs } from "node:util";
import { HoldfastError } from "@holdfast/core";
import { type FlagName, type FlagSpec, RUN_FLAGS } from "./options.js";

/** Flags as given, checked for form; the command after `--` untouched. */
export interface RunArguments {
  readonly help: boolean;
  readonly command: readonly string[];
  text(name: FlagName): string | undefined;
  ms(name: FlagName): number | undefined;
  isSet(name: FlagName): boolean;
  /** `undefined`: not given; `null`: given without a limit. */
  duration(name: FlagName): number | null | undefined;
}

const HELP_HINT = "See `holdfast run --help`.";

/** @throws `USAGE`: one message, nothing was started. */
export function parseRunArguments(argv: readonly string[]): RunArguments {
  const split = argv.indexOf("--");
  const own = split < 0 ? argv : argv.slice(0, split);
  const command = split < 0 ? [] : argv.slice(split + 1);
  const values = parseFlags(own);
  const of = (name: FlagName) => values[name];
  return {
    help: of("help") === true,
    command,
    text: (name) => textOf(of(name)),
    isSet: (name) => of(name) === true,
    ms: (name) => milliseconds(name, textOf(of(name))),
    duration(name) {
      const value = textOf(of(name));
      return value === undefined ? undefined : value === "" ? null : durationMs(name, value);
    },
  };
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function parseFlags(own: readonly string[]): Values {
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  const specs: readonly FlagSpec[] = RUN_FLAGS;
  for (const spec of specs) {
    const short = spec.short === undefined ? {} : { short: spec.short };
    options[spec.name] = { type: spec.kind === "switch" ? "boolean" : "string", multiple: true, ...short };
  }
  // `--wait` may stand alone; `--wait=60s` carries the limit. parseArgs would take the next word for its value.
  const args = own.map((arg) => (arg === "--wait" ? "--wait=" : arg));
  try {
    const parsed = parseArgs({ args, options, strict: true, allowPositionals: true });
    const stray = parsed.positionals[0];
    if (stray !== undefined) {
      throw usage(
        `Unexpected argument "${stray}".`,
        "The command to run stands after `--`: holdfast run [flags] -- command args…",
      );
    }
    const given = parsed.values as Readonly<Record<string, readonly (string | boolean)[] | undefined>>;
    return Object.fromEntries(specs.map((spec) => [spec.name, oneValue(spec, given[spec.name] ?? [])]));
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const unknown = /Unknown option '(--?[^' ]+)/.exec(error instanceof Error ? error.message : "")?.[1];
    if (unknown === undefined) throw usage(firstSentence(error), HELP_HINT);
    const near = nearest(unknown.replace(/^-+/, ""));
    throw usage(`Unknown flag ${unknown}.`, near === undefined ? HELP_HINT : `Did you mean --${near}? ${HELP_HINT}`);
  }
}

/** Of two values one would silently lose. */
function oneValue({ name, joinedBy }: FlagSpec, given: readonly (string | boolean)[]): string | boolean | undefined {
  if (given.length > 1 && joinedBy !== undefined) return given.join(joinedBy);
  const [first] = given;
  if (given.some((value) => value !== first)) throw usage(`--${name} is given twice.`, HELP_HINT);
  return first;
}

function usage(message: string, hint: string): HoldfastError {
  return new HoldfastError("USAGE", message, { hint });
}

function firstSentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `${message.split(/\.\s|\n/, 1)[0] ?? message}.`;
}

function milliseconds(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,12}$/.test(value)) throw usage(`--${name} takes whole milliseconds, not "${value}".`, HELP_HINT);
  return Number(value);
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function durationMs(name: string, value: string): number {
  const match = /^([0-9]{1,9})(ms|s|m|h)$/.exec(value);
  const unit = UNITS_MS[match?.[2] ?? ""];
  if (match === null || unit === undefined) {
    throw usage(`--${name}=${value} is not a duration.`, `Write for example --${name}=60s; units are ms, s, m, h.`);
  }
  return Number(match[1]) * unit;
}

/** The known flag with the fewest edits, if it is close enough to be a slip of the fingers. */
function nearest(word: string): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const { name } of RUN_FLAGS) {
    const edits = editDistance(word, name);
    if (best === undefined || edits < best.edits) best = { name, edits };
  }
  return best !== undefined && best.edits <= Math.max(2, word.length / 4) ? best.name : undefined;
}

/** Levenshtein distance, two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
