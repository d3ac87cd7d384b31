import type { LintFinding } from "@holdfast/core";
import { LINT_CODES } from "./codes.js";
import { checkRules } from "./rules-checks.js";
import { commandRules, wrapperRules } from "./rules-command.js";
import { copyRules } from "./rules-copies.js";
import { formRules } from "./rules-form.js";
import { placementRules } from "./rules-placement.js";
import { resourceRules } from "./rules-resources.js";
import { secretRules } from "./rules-secrets.js";
import { volumeRules } from "./rules-volumes.js";
import { type AppView, type Found, found, viewApp } from "./view.js";
import { startsController } from "./wrapper-command.js";

type Rule = (view: AppView) => readonly Found[];

const RULES: readonly Rule[] = [
  formRules,
  commandRules,
  wrapperRules,
  copyRules,
  checkRules,
  placementRules,
  volumeRules,
  secretRules,
  resourceRules,
];

/** A controller has no data that a second copy could harm: several copies of it are wanted. */
const CONTROLLER_RULES: readonly Rule[] = [formRules, secretRules, resourceRules];

/**
 * Pure: what speaks against a definition as the home of one writer; also for definitions that Holdfast never wrote, and
 * for anything else that JSON can hold; of the controller's own, only form, secrets and resources are judged. Errors come first; a value that may be a secret is never repeated.
 */
export function lintDefinition(definition: unknown): readonly LintFinding[] {
  if (typeof definition !== "object" || definition === null || Array.isArray(definition)) {
    return [explain(found("MARATHON_NOT_AN_APP", ""))];
  }
  const { view, problems } = viewApp(definition as Record<string, unknown>);
  const rules = startsController(view.app) ? CONTROLLER_RULES : RULES;
  const findings = [...problems, ...rules.flatMap((rule) => rule(view))].map(explain);
  return [
    ...findings.filter(({ severity }) => severity === "error"),
    ...findings.filter(({ severity }) => severity === "warning"),
  ];
}

function explain({ code, pointer, seen }: Found): LintFinding {
  const { severity, why, fix } = LINT_CODES[code];
  return { code, severity, pointer, why: seen === undefined ? why : `${seen}. ${why}`, fix };
}
