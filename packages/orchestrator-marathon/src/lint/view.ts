import { type AppDefinition, type AppVolume, appSchema } from "../definition.js";
import { pointerPart } from "../pointer.js";
import type { LintCodeName } from "./codes.js";
import { readWrapper, type Wrapper } from "./wrapper-command.js";

/** What a rule found; why and fix are the code's own. */
export interface Found {
  readonly code: LintCodeName;
  readonly pointer: string;
  /** What was seen there, where the code alone does not say it. Never a secret. */
  readonly seen?: string;
}

export const found = (code: LintCodeName, pointer: string, seen?: string): Found =>
  seen === undefined ? { code, pointer } : { code, pointer, seen };

/** A definition as the rules see it. */
export interface AppView {
  readonly app: AppDefinition;
  /** Top-level fields that were written, also those in wrong types. */
  readonly written: Readonly<Record<string, unknown>>;
  readonly instances: number;
  readonly volumes: readonly AppVolume[];
  /** Has a persistent volume: what Marathon calls a resident app. */
  readonly resident: boolean;
  readonly external: boolean;
  /** `holdfast run` as the command starts it; null = something else is started. */
  readonly wrapper: Wrapper | null;
}

/** Reads leniently: what has a wrong type is reported and taken for absent, so that the other rules still speak. */
export function viewApp(definition: Readonly<Record<string, unknown>>): { view: AppView; problems: readonly Found[] } {
  const problems: Found[] = [];
  let rest = definition;
  for (;;) {
    const parsed = appSchema.safeParse(rest);
    if (parsed.success) return { view: makeView(parsed.data, definition), problems };
    const bad = new Set<string>();
    for (const { path, message } of parsed.error.issues) {
      bad.add(String(path[0]));
      problems.push(
        found("MARATHON_WRONG_TYPE", `/${path.map((part) => pointerPart(String(part))).join("/")}`, message),
      );
    }
    rest = Object.fromEntries(Object.entries(rest).filter(([field]) => !bad.has(field)));
  }
}

function makeView(app: AppDefinition, written: Readonly<Record<string, unknown>>): AppView {
  const volumes = app.container?.volumes ?? [];
  return {
    app,
    written,
    instances: app.instances ?? 1,
    volumes,
    resident: volumes.some(({ persistent }) => persistent !== undefined),
    external: volumes.some(({ external }) => external !== undefined),
    wrapper: readWrapper(app),
  };
}
