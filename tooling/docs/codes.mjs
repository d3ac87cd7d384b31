// @ts-check
import { page, sentence, table } from "./tables.mjs";

/**
 * @typedef {Readonly<Record<string, { meaning: string, reaction: string, exit: string }>>} ErrorTable
 * @typedef {Readonly<Record<string, number>>} ExitCodes
 */

/**
 * @param {ReadonlyArray<{ title: string, intro: string, codes: ErrorTable }>} groups
 * @param {ExitCodes} exitCodes
 */
export function errorsPage(groups, exitCodes) {
  return page("Error codes", [
    "Every error carries a `code` that never changes its meaning, a message that says what happened, and a hint that says " +
      "what to do. Programs look at the code and at nothing else. The last column is how `holdfast run` ends when the " +
      "error ends it; see [exit codes](exit-codes.md).",
    ...groups.flatMap(({ title, intro, codes }) => [
      `## ${title}`,
      intro,
      table(
        ["Code", "What happened", "What to do", "Exit code"],
        Object.entries(codes).map(([code, { meaning, reaction, exit }]) => [
          `\`${code}\``,
          sentence(meaning),
          sentence(reaction),
          String(exitCodes[exit]),
        ]),
      ),
    ]),
  ]);
}

/**
 * @param {ExitCodes} exitCodes
 * @param {Readonly<Record<string, string>>} meanings
 * @param {ErrorTable} errors
 */
export function exitCodesPage(exitCodes, meanings, errors) {
  const codesOf = (/** @type {string} */ name) =>
    Object.entries(errors)
      .filter(([, entry]) => entry.exit === name)
      .map(([code]) => `\`${code}\``)
      .join(", ");
  return page("Exit codes", [
    "`holdfast run` ends with the application's own exit code, or with one of these when something else decided the end. " +
      "An application may use the same numbers: the report (`--report FILE`) says whose it was.",
    table(
      ["Exit code", "Meaning", "Error codes"],
      [
        ["0–255", "The application ended by itself with this code", ""],
        ...Object.entries(exitCodes).map(([name, code]) => [
          String(code),
          sentence(meanings[name] ?? ""),
          codesOf(name),
        ]),
        ["128 + n", "The application was ended by signal n", ""],
      ],
    ),
  ]);
}
