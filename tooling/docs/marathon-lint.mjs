// @ts-check
import { page, table } from "./tables.mjs";

/**
 * @typedef {{ severity: "error" | "warning", why: string, fix: string }} LintCode
 *
 * @param {Readonly<Record<string, LintCode>>} codes
 */
export function marathonLintPage(codes) {
  const of = (/** @type {LintCode["severity"]} */ severity) =>
    table(
      ["Code", "Why", "What to do"],
      Object.entries(codes)
        .filter(([, code]) => code.severity === severity)
        .map(([name, { why, fix }]) => [`\`${name}\``, why, fix]),
    );
  return page("What speaks against a Marathon app", [
    "`holdfast doctor --app file.json` judges app definitions as the home of a service with one writer, also ones that " +
      "Holdfast never wrote: `--json` gives code, severity, JSON pointer, why and fix of each finding. Exit code 1 when there " +
      "is an error. Codes never change their meaning. What is said of Marathon was read from its code and documentation, " +
      "version 1.10.",
    "## Errors",
    "Two writers, lost data, or a definition that Marathon refuses or never starts.",
    of("error"),
    "## Warnings",
    "An outage, or harder work for the operator.",
    of("warning"),
  ]);
}
