import { firstIssues, HoldfastError, type HttpServiceConfig, parseHttpService } from "@holdfast/core";
import { createHttpClient, type HttpAnswer } from "@holdfast/effects";
import type * as z from "zod";
import { type Asked, errorOf, unreadable } from "./errors.js";
import { followMesosEvents, type MesosEventItem, type MesosEventsOptions } from "./events.js";
import type { MesosFlags } from "./flags.js";
import { parseMesosJson } from "./json.js";
import { forOperator } from "./resources/build.js";
import type { MesosResource } from "./resources/resource.js";
import * as schemas from "./schemas.js";

/** What every call takes. */
export interface MesosCallOptions {
  /** Milliseconds for the whole call, over all masters. Default 15 000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The operator API of a Mesos cluster, at whichever master leads.
 *
 * Each call throws `API_UNREACHABLE` (no effect; retry), `DENIED`, `API_UNREADABLE`; each change also `INVALID_SPEC` (400:
 * wrong, or the agent or volume is not there, or in use), `NO_CAPACITY` or `VERSION_CONFLICT` (409), and
 * `UNKNOWN_OUTCOME`. A change that resolves was accepted by the master and passed on; that the agent did it shows only in
 * `total_resources` of `getAgents`. No change may be repeated without looking there first: see {@link judgeReserve}.
 * Semantics: the Mesos v1 operator API, 1.11; the statuses were recorded from a real master.
 */
export interface MesosClient {
  getHealth(options?: MesosCallOptions): Promise<boolean>;
  getVersion(options?: MesosCallOptions): Promise<string>;
  /** The one who leads and answers. */
  getMaster(options?: MesosCallOptions): Promise<schemas.MesosMaster>;
  /** Of the leading master. */
  getFlags(options?: MesosCallOptions): Promise<MesosFlags>;
  /** Unreachable and gone agents are in neither of its lists. The order of anything in it changes. */
  getAgents(options?: MesosCallOptions): Promise<schemas.MesosAgents>;
  getTasks(options?: MesosCallOptions): Promise<schemas.MesosTasks>;
  getFrameworks(options?: MesosCallOptions): Promise<schemas.MesosFrameworks>;
  /** Tasks, frameworks and agents of one moment. */
  getState(options?: MesosCallOptions): Promise<schemas.MesosState>;
  getRoles(options?: MesosCallOptions): Promise<readonly schemas.MesosRole[]>;
  getQuota(options?: MesosCallOptions): Promise<schemas.MesosQuota>;
  /**
   * @param resources - The result: with the new reservation already on top.
   * @param source - With it, these reservations are turned into those of `resources`.
   */
  reserve(
    agentId: string,
    resources: readonly MesosResource[],
    options?: MesosCallOptions & { readonly source?: readonly MesosResource[] },
  ): Promise<void>;
  /** Not a volume itself, and not a disk amount that volumes are made of: destroy those first. */
  unreserve(agentId: string, resources: readonly MesosResource[], options?: MesosCallOptions): Promise<void>;
  createVolumes(agentId: string, volumes: readonly MesosResource[], options?: MesosCallOptions): Promise<void>;
  /** The data is deleted at once. Size, reservations and id must be the volume's; the path does not matter. */
  destroyVolumes(agentId: string, volumes: readonly MesosResource[], options?: MesosCallOptions): Promise<void>;
  /**
   * Follows the master's events until the signal aborts. They do not tell that an agent became unreachable, nor of
   * reservations, volumes or draining: read `getAgents` now and then as well.
   */
  events(options: MesosEventsOptions): AsyncGenerator<MesosEventItem, void, void>;
}

/** @throws `INVALID_SPEC`: the configuration cannot work. Nothing was contacted. */
export function createMesosClient(config: HttpServiceConfig): MesosClient {
  const { timeoutMs, ...settings } = parseHttpService(config, "Mesos");
  const http = createHttpClient({ service: "Mesos", ...settings });

  function post(asked: Asked, body: object, options: MesosCallOptions = {}): Promise<HttpAnswer> {
    return http.call({
      method: "POST",
      path: "/api/v1",
      body: JSON.stringify({ type: asked.type, ...body }),
      effect: asked.effect,
      timeoutMs: options.timeoutMs ?? timeoutMs,
      signal: options.signal,
    });
  }

  async function read<S extends z.ZodType>(type: string, schema: S, options?: MesosCallOptions): Promise<z.output<S>> {
    const asked = { type, effect: "read" } as const;
    const answer = await post(asked, {}, options);
    if (answer.status !== 200) throw errorOf(answer, asked);
    return parseAnswer(answer, asked, schema);
  }

  async function write(type: string, members: object, options?: MesosCallOptions): Promise<void> {
    const asked = { type, effect: "write" } as const;
    const answer = await post(asked, { [type.toLowerCase()]: members }, options);
    if (answer.status === 202) return;
    throw answer.status < 300 ? unreadable(answer, asked, "202 was expected") : errorOf(answer, asked);
  }

  const sent = (resources: readonly MesosResource[], type: string) => {
    if (resources.length > 0) return resources.map((resource) => forOperator(resource, type));
    throw new HoldfastError("INVALID_SPEC", `${type}: no resource is named.`, { hint: "Nothing was sent." });
  };
  const agent = (value: string) => ({ agent_id: { value } });

  return {
    getHealth: async (options) => (await read("GET_HEALTH", schemas.healthSchema, options)).healthy,
    getVersion: async (options) => (await read("GET_VERSION", schemas.versionSchema, options)).version_info.version,
    getMaster: (options) => read("GET_MASTER", schemas.masterSchema, options),
    async getFlags(options) {
      const { flags } = await read("GET_FLAGS", schemas.flagsSchema, options);
      return Object.fromEntries(flags.map(({ name, value = "" }) => [name, value]));
    },
    getAgents: (options) => read("GET_AGENTS", schemas.agentsSchema, options),
    getTasks: (options) => read("GET_TASKS", schemas.tasksSchema, options),
    getFrameworks: (options) => read("GET_FRAMEWORKS", schemas.frameworksSchema, options),
    getState: (options) => read("GET_STATE", schemas.stateSchema, options),
    getRoles: async (options) => (await read("GET_ROLES", schemas.rolesSchema, options)).roles,
    getQuota: async (options) => (await read("GET_QUOTA", schemas.quotaSchema, options)).status,
    async reserve(agentId, resources, options = {}) {
      const type = "RESERVE_RESOURCES";
      const source = options.source === undefined ? {} : { source: sent(options.source, type) };
      await write(type, { ...agent(agentId), resources: sent(resources, type), ...source }, options);
    },
    async unreserve(agentId, resources, options) {
      const type = "UNRESERVE_RESOURCES";
      await write(type, { ...agent(agentId), resources: sent(resources, type) }, options);
    },
    async createVolumes(agentId, volumes, options) {
      const type = "CREATE_VOLUMES";
      await write(type, { ...agent(agentId), volumes: sent(volumes, type) }, options);
    },
    async destroyVolumes(agentId, volumes, options) {
      const type = "DESTROY_VOLUMES";
      await write(type, { ...agent(agentId), volumes: sent(volumes, type) }, options);
    },
    events: (options) => followMesosEvents(http, options),
  };
}

function parseAnswer<S extends z.ZodType>(answer: HttpAnswer, asked: Asked, schema: S): z.output<S> {
  let json: unknown;
  try {
    json = parseMesosJson(answer.text);
  } catch {
    throw unreadable(answer, asked, "it is not JSON");
  }
  const members = typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  if (members.type !== asked.type) throw unreadable(answer, asked, `it is not of type ${asked.type}`);
  // A member without content may be left out as a whole.
  const result = schema.safeParse(members[asked.type.toLowerCase()] ?? {});
  if (result.success) return result.data;
  throw unreadable(answer, asked, firstIssues(result.error));
}
