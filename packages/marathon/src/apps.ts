import { hasCode } from "@holdfast/core";
import * as z from "zod";
import { appPath, checked } from "./app-path.js";
import { type CallOptions, parse, type Send, type SendRaw } from "./call.js";
import type { AppDefinition, AppPatch } from "./definition/app.js";
import {
  type App,
  appAnswerSchema,
  appListSchema,
  appSchema,
  type DeploymentResult,
  deploymentResultSchema,
  versionListSchema,
} from "./schemas.js";

export interface WriteOptions extends CallOptions {
  /**
   * Cancels the deployments that lock the app, without rolling them back. Default false, also for `delete`, where
   * Marathon's own default is true. Each call says which.
   */
  readonly force?: boolean;
}

export interface ListAppsOptions extends CallOptions {
  /** Substring of the id. */
  readonly id?: string;
  /** Label selector: `environment==production, tier!=frontend`. */
  readonly label?: string;
  readonly cmd?: string;
  /** Counts and deployments come in any case. */
  readonly embed?: ReadonlyArray<
    "apps.tasks" | "apps.counts" | "apps.deployments" | "apps.readiness" | "apps.lastTaskFailure" | "apps.taskStats"
  >;
}

/**
 * Apps. A change resolves when its plan is stored, not when it ran; and a deployment that ended proves that a process
 * is gone only if no task was unreachable.
 *
 * Besides what is named, each call throws `API_UNREACHABLE` (no effect; retry), `DENIED`, `API_UNREADABLE`, and each
 * change `UNKNOWN_OUTCOME` (its answer was lost: see {@link settleApp}), `INVALID_SPEC`, and `BUSY` {deployments} when
 * the app is locked. Semantics: AppsResource.scala.
 */
export interface AppsApi {
  /** With tasks, counts, deployments and the last failure. @throws `NOT_FOUND`. */
  get(id: string, options?: CallOptions): Promise<App>;
  /** Like `get`, null when there is none. */
  find(id: string, options?: CallOptions): Promise<App | null>;
  list(options?: ListAppsOptions): Promise<readonly App[]>;
  /** Creates, atomically. @throws `RECORD_EXISTS`: there is an app of this id, whoever made it; read it. */
  create(definition: AppDefinition, options?: WriteOptions): Promise<App>;
  /**
   * Makes the app be the whole definition (`partialUpdate=false`); what it leaves out goes back to Marathon's default.
   * `created`: there was none before. Anything that differs but `instances` restarts it.
   */
  replace(
    id: string,
    definition: AppDefinition,
    options?: WriteOptions,
  ): Promise<DeploymentResult & { readonly created: boolean }>;
  /**
   * Replaces whole fields and leaves the others. Cannot unset one, and (Marathon up to 1.10.26) loses `resourceLimits`
   * and `executorResources` when an app has them. @throws `NOT_FOUND`: it never creates.
   */
  patch(id: string, patch: AppPatch, options?: WriteOptions): Promise<DeploymentResult>;
  /** A patch of `instances` alone. */
  scale(id: string, instances: number, options?: WriteOptions): Promise<DeploymentResult>;
  restart(id: string, options?: WriteOptions): Promise<DeploymentResult>;
  /** Goes back to an earlier version. @throws `NOT_FOUND`, `INVALID_SPEC` for an unknown version. */
  revert(id: string, version: string, options?: WriteOptions): Promise<DeploymentResult>;
  /** @throws `NOT_FOUND`. With a persistent volume this destroys the data. */
  delete(id: string, options?: WriteOptions): Promise<DeploymentResult>;
  /** Newest first, as Marathon keeps them. @throws `NOT_FOUND`. */
  versions(id: string, options?: CallOptions): Promise<readonly string[]>;
  version(id: string, version: string, options?: CallOptions): Promise<App>;
}

export function createAppsApi(send: Send, sendRaw: SendRaw): AppsApi {
  const force = (options: WriteOptions | undefined) => ["force", String(options?.force ?? false)] as const;

  const api: AppsApi = {
    async get(id, options) {
      const request = { method: "GET", path: appPath(id), effect: "read", what: `Reading ${id}` } as const;
      return (await send(request, appAnswerSchema, options)).app;
    },
    async find(id, options) {
      try {
        return await api.get(id, options);
      } catch (error) {
        if (hasCode(error, "NOT_FOUND")) return null;
        throw error;
      }
    },
    async list(options = {}) {
      const { id, label, cmd, embed = [] } = options;
      const query = Object.entries({ id, label, cmd }).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value] as const],
      );
      const request = {
        method: "GET",
        path: "/v2/apps",
        query: [...query, ...embed.map((path) => ["embed", path] as const)],
        effect: "read",
        what: "Listing apps",
      } as const;
      return (await send(request, appListSchema, options)).apps;
    },
    async create(definition, options) {
      const body = checked("definition", definition);
      const what = `Creating ${definition.id}`;
      return send(
        { method: "POST", path: "/v2/apps", query: [force(options)], body, effect: "write", what },
        appSchema,
        options,
      );
    },
    async replace(id, definition, options) {
      const request = {
        method: "PUT",
        path: appPath(id),
        query: [["partialUpdate", "false"], force(options)],
        body: checked("definition", definition),
        effect: "write",
        what: `Replacing ${id}`,
      } as const;
      const answer = await sendRaw(request, options);
      return { ...parse(answer, request, deploymentResultSchema), created: answer.status === 201 };
    },
    async patch(id, patch, options) {
      const request = {
        method: "PATCH",
        path: appPath(id),
        query: [force(options)],
        body: checked("patch", patch),
        effect: "write",
        what: `Changing ${id}`,
      } as const;
      return send(request, deploymentResultSchema, options);
    },
    scale: (id, instances, options) => api.patch(id, { instances }, options),
    async restart(id, options) {
      const path = `${appPath(id)}/restart`;
      const what = `Restarting ${id}`;
      const request = { method: "POST", path, query: [force(options)], effect: "write", what } as const;
      return send(request, deploymentResultSchema, options);
    },
    async revert(id, version, options) {
      const request = {
        method: "PUT",
        path: appPath(id),
        query: [force(options)],
        body: { version },
        effect: "write",
        what: `Reverting ${id} to ${version}`,
      } as const;
      return send(request, deploymentResultSchema, options);
    },
    async delete(id, options) {
      const what = `Deleting ${id}`;
      const request = { method: "DELETE", path: appPath(id), query: [force(options)], effect: "write", what } as const;
      return send(request, deploymentResultSchema, options);
    },
    async versions(id, options) {
      const what = `Reading the versions of ${id}`;
      const request = { method: "GET", path: `${appPath(id)}/versions`, effect: "read", what } as const;
      return (await send(request, versionListSchema, options)).versions;
    },
    async version(id, version, options) {
      const what = `Reading version ${version} of ${id}`;
      const request = { method: "GET", path: appPath(id, "versions", version), effect: "read", what } as const;
      return send(request, versionSchema, options);
    },
  };
  return api;
}

/** Some versions wrap it, as `GET /v2/apps/{id}` does. */
const versionSchema = z.union([appAnswerSchema.transform(({ app }) => app), appSchema]);
