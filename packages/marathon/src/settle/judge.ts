import type { AppDefinition, AppPatch } from "../definition/app.js";
import type { App, MarathonTask } from "../schemas.js";
import { differences } from "./differences.js";

/** A change to one app whose answer was lost. `before` is what was read before it was sent; null: there was no app. */
export type AppWrite =
  | { readonly kind: "create"; readonly definition: AppDefinition }
  | { readonly kind: "replace"; readonly before: App | null; readonly definition: AppDefinition }
  | { readonly kind: "patch"; readonly before: App; readonly patch: AppPatch }
  | { readonly kind: "delete"; readonly before: App };

export type Verdict =
  /** The app is what was asked for. By this request or an equal one; that makes no difference. */
  | { readonly kind: "applied"; readonly version: string | null }
  /** As before. Not yet applied, or never. */
  | { readonly kind: "not-applied" }
  /** Neither as before nor as asked: somebody else changed it. Look again and decide anew. */
  | { readonly kind: "overtaken"; readonly version: string | null; readonly differences: readonly string[] };

/** What became of a change, from the app as it is now. Pure. */
export function judgeAppWrite(write: AppWrite, now: App | null): Verdict {
  if (write.kind === "delete") {
    if (now === null) return { kind: "applied", version: null };
    return now.version === write.before.version ? { kind: "not-applied" } : overtaken(now, []);
  }
  const before = write.kind === "create" ? null : write.before;
  if (now === null) return before === null ? { kind: "not-applied" } : overtaken(null, []);
  const differing =
    write.kind === "patch" ? differences(write.patch, now, "named") : differences(write.definition, now, "whole");
  if (differing.length === 0) return { kind: "applied", version: now.version };
  // Every change gives a new version, so an equal one means that nothing at all was applied.
  return before?.version === now.version ? { kind: "not-applied" } : overtaken(now, differing);
}

function overtaken(now: App | null, differing: readonly string[]): Verdict {
  return { kind: "overtaken", version: now?.version ?? null, differences: differing };
}

const OVER: ReadonlySet<string> = new Set([
  ...["TASK_KILLING", "TASK_KILLED", "TASK_FINISHED", "TASK_FAILED", "TASK_ERROR", "TASK_GONE"],
  ...["TASK_GONE_BY_OPERATOR", "TASK_DROPPED", "TASK_LOST"],
]);

/**
 * Which of the killed tasks are still listed as if nobody had killed them. Empty: the kill was applied, or they ended by
 * themselves. That a task is no longer listed, or unreachable, does not prove that its process ended. Pure.
 */
export function tasksStillThere(ids: readonly string[], tasks: readonly MarathonTask[]): readonly string[] {
  const listed = new Map(tasks.map(({ id, state }) => [id, state]));
  return ids.filter((id) => {
    const state = listed.get(id);
    return state !== undefined && !OVER.has(state);
  });
}
