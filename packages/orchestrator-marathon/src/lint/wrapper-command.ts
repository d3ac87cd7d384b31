import type { AppDefinition } from "../definition.js";

/** The flags of `holdfast run` in a command. */
export interface Wrapper {
  /** Pointer of the field that has the command. */
  readonly pointer: "/args" | "/cmd";
  /** The words between `run` and `--`. */
  readonly words: readonly string[];
  has(flag: string): boolean;
  text(flag: string): string | undefined;
}

/** Pure: null when the command starts something else, or when it cannot be told. */
export function readWrapper({ args, cmd }: Pick<AppDefinition, "args" | "cmd">): Wrapper | null {
  const pointer = args === undefined ? "/cmd" : "/args";
  const words = args ?? splitWords(cmd ?? "");
  const begin = words.findIndex((word, index) => word === "run" && /(^|\/)holdfast$/.test(words[index - 1] ?? ""));
  if (begin < 0) return null;
  const end = words.indexOf("--", begin);
  const flags = words.slice(begin + 1, end < 0 ? undefined : end);
  const has = (flag: string) => flags.some((word) => word === flag || word.startsWith(`${flag}=`));
  const text = (flag: string) => {
    const joined = flags.find((word) => word.startsWith(`${flag}=`));
    if (joined !== undefined) return joined.slice(flag.length + 1);
    return flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined;
  };
  return { pointer, words: flags, has, text };
}

/** Pure: the command starts Holdfast's controller, which writes to no volume and elects one of its copies itself. */
export function startsController({ args, cmd }: Pick<AppDefinition, "args" | "cmd">): boolean {
  const words = args ?? splitWords(cmd ?? "");
  return words.some((word, index) => word === "controller" && /(^|\/)holdfast$/.test(words[index - 1] ?? ""));
}

/**
 * Words of a shell line, well enough to find a program and its flags: quotes and backslashes are taken off, nothing is
 * expanded. What a shell would make of substitutions stays as it is written.
 */
export function splitWords(line: string): readonly string[] {
  const words = line.match(/(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(/\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/g, (_, escaped, double, single) =>
      String(escaped ?? double?.replace(/\\(["\\$`])/g, "$1") ?? single ?? ""),
    ),
  );
}
