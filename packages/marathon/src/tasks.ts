import { HoldfastError } from "@holdfast/core";
import { appPath } from "./app-path.js";
import type { WriteOptions } from "./apps.js";
import type { CallOptions, Send } from "./call.js";
import { type KillResult, killResultSchema, type MarathonTask, taskListSchema } from "./schemas.js";

export interface KillOptions extends WriteOptions {
  /** Lowers `instances` by as many (a deployment). */
  readonly scale?: boolean;
  /**
   * Forgets the instance at once, destroys its reservation and volume, and lets a replacement start beside a process
   * that still runs. For what nobody holds any more; see the facts on wiping before using it.
   */
  readonly wipe?: boolean;
}

/** Tasks. Errors as for {@link AppsApi}. Semantics: TasksResource.scala, AppTasksResource.scala. */
export interface TasksApi {
  /** Of one app, or all. Instances that were never launched are not listed. @throws `NOT_FOUND` for an unknown app. */
  list(
    options?: CallOptions & { readonly app?: string; readonly status?: "running" | "staging" },
  ): Promise<readonly MarathonTask[]>;
  /**
   * Kills tasks of any app. What was killed and still existed is in the answer; ids that are well-formed but unknown are
   * passed over without a word. @throws `INVALID_SPEC`: `scale` with `wipe`, no id, or a malformed one.
   */
  kill(ids: readonly string[], options?: KillOptions): Promise<KillResult>;
  /** Kills one task of one app. @throws `NOT_FOUND`. */
  killOne(app: string, id: string, options?: KillOptions): Promise<KillResult>;
  /** Kills all tasks of one app, or those on one host. @throws `NOT_FOUND` for an unknown app. */
  killOf(app: string, options?: KillOptions & { readonly host?: string }): Promise<KillResult>;
}

export function createTasksApi(send: Send): TasksApi {
  return {
    async list(options = {}) {
      const { app, status } = options;
      const path = app === undefined ? "/v2/tasks" : `${appPath(app)}/tasks`;
      const query = status === undefined ? [] : [["status", status] as const];
      const what = app === undefined ? "Listing tasks" : `Listing the tasks of ${app}`;
      return (await send({ method: "GET", path, query, effect: "read", what }, taskListSchema, options)).tasks;
    },
    async kill(ids, options) {
      if (ids.length === 0) throw invalid("No task is named.", "Give at least one task id.");
      const what = `Killing ${ids.length} tasks`;
      const query = killQuery(options);
      const body = { ids };
      return send(
        { method: "POST", path: "/v2/tasks/delete", query, body, effect: "write", what },
        killResultSchema,
        options,
      );
    },
    async killOne(app, id, options) {
      const path = appPath(app, "tasks", id);
      const query = killQuery(options);
      return send(
        { method: "DELETE", path, query, effect: "write", what: `Killing ${id} of ${app}` },
        killResultSchema,
        options,
      );
    },
    async killOf(app, options = {}) {
      const { host } = options;
      const query = [...killQuery(options), ...(host === undefined ? [] : [["host", host] as const])];
      const path = `${appPath(app)}/tasks`;
      return send(
        { method: "DELETE", path, query, effect: "write", what: `Killing the tasks of ${app}` },
        killResultSchema,
        options,
      );
    },
  };
}

function killQuery({ scale = false, wipe = false, force = false }: KillOptions = {}) {
  if (scale && wipe) {
    throw invalid("scale and wipe were given together.", "Scale down first; wipe what is left when nothing runs.");
  }
  return [
    ["scale", String(scale)],
    ["wipe", String(wipe)],
    ["force", String(force)],
  ] as const;
}

function invalid(message: string, hint: string): HoldfastError {
  return new HoldfastError("INVALID_SPEC", message, { hint });
}
