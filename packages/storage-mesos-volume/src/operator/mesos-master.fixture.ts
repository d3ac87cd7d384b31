import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import {
  amountOf,
  createMesosClient,
  identityOf,
  type MesosClient,
  type MesosResource,
  reservationsOf,
  thousandths,
} from "@holdfast/mesos";
import { createFakeClock, type FakeClock, type Loopback } from "@holdfast/testkit";

const directory = fileURLToPath(new URL("../../test/recorded/", import.meta.url));

/** An answer of a real master, as JSON; a copy of its own. */
export function recorded<T = object>(name: string): T {
  const file = JSON.parse(readFileSync(`${directory}${name}.json`, "utf8")) as { body?: T };
  return file.body ?? (file as T);
}

/** A clock on which every wait passes at once. */
export function impatientClock(): FakeClock {
  const clock = createFakeClock();
  return { ...clock, sleep: (ms) => clock.advance(ms) };
}

interface Agent {
  agent_info: { id: { value: string }; hostname: string };
  total_resources?: MesosResource[];
  allocated_resources?: MesosResource[];
}

/** What happens to the next change. `lost`: done, and the answer is lost. `slow`: accepted, and done at the third look.
 * `vanishes`: accepted, and the agent goes away before it does it. */
export type Mishap = "lost" | "slow" | "refused" | "vanishes";

/**
 * A master that keeps reservations and volumes by the rules that were recorded of a real one: RESERVE and UNRESERVE are
 * no repetition-proof goals but changes of amounts, DESTROY and CREATE are told by id, what tasks have is left alone.
 */
export class MesosMaster {
  readonly calls: string[] = [];
  /** Before the change of this number, from 1. */
  readonly mishaps = new Map<number, Mishap>();
  agents: Agent[];
  recovering: unknown[];
  frameworks: Record<string, unknown>;
  flags: Readonly<Record<string, string>> = {};
  #changes = 0;
  readonly #later: { looks: number; readonly work: () => void }[] = [];

  constructor(agents: string, frameworks = "operator-GET_FRAMEWORKS-running.response") {
    const { get_agents } = recorded<{ get_agents: { agents?: Agent[]; recovered_agents?: unknown[] } }>(agents);
    this.agents = get_agents.agents ?? [];
    this.recovering = get_agents.recovered_agents ?? [];
    this.frameworks = recorded<{ get_frameworks: Record<string, unknown> }>(frameworks).get_frameworks;
  }

  async connect(loopback: Loopback): Promise<MesosClient> {
    const endpoint = await loopback.http((request, response) => void this.#serve(request, response));
    return createMesosClient({ endpoints: [endpoint], timeoutMs: 2_000 });
  }

  agent(hostname: string): Agent {
    const found = this.agents.find(({ agent_info }) => agent_info.hostname === hostname);
    if (found === undefined) throw new Error(`no agent ${hostname}`);
    return found;
  }

  /** Sent and counted, whatever became of them. */
  changes(): string[] {
    return this.calls.filter((call) => !call.startsWith("GET_"));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, never> & { type: string };
    this.calls.push(body.type);
    const read = this.#read(body.type);
    if (read !== undefined) {
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ type: body.type, ...read }));
      return;
    }
    this.#changes += 1;
    const mishap = this.mishaps.get(this.#changes);
    if (mishap === "refused") {
      response.writeHead(400).end("Refused by the test");
      return;
    }
    const { status, text, work } = this.#judge(body.type, body[body.type.toLowerCase() as "type"] as never);
    if (status === 202) {
      if (mishap === "vanishes") this.agents = [];
      else if (mishap === "slow") this.#later.push({ looks: 3, work });
      else work();
    }
    if (mishap === "lost") {
      response.destroy();
      return;
    }
    response.writeHead(status).end(text);
  }

  #read(type: string): object | undefined {
    switch (type) {
      case "GET_AGENTS": {
        for (const one of this.#later) {
          one.looks -= 1;
          if (one.looks === 0) one.work();
        }
        return { get_agents: { agents: this.agents, recovered_agents: this.recovering } };
      }
      case "GET_FRAMEWORKS":
        return { get_frameworks: this.frameworks };
      case "GET_FLAGS":
        return { get_flags: { flags: Object.entries(this.flags).map(([name, value]) => ({ name, value })) } };
      case "GET_ROLES":
        return recorded("operator-GET_ROLES-running.response");
      case "GET_QUOTA":
        return recorded("operator-GET_QUOTA.response");
      default:
        return undefined;
    }
  }

  #judge(type: string, call: { agent_id: { value: string }; resources?: MesosResource[]; volumes?: MesosResource[] }) {
    const agent = this.agents.find(({ agent_info }) => agent_info.id.value === call.agent_id.value);
    const refuse = (status: number, text: string) => ({ status, text, work: () => undefined });
    if (agent === undefined) return refuse(400, "No agent found with specified ID");
    const total = agent.total_resources ?? [];
    const used = agent.allocated_resources ?? [];
    const wanted = call.resources ?? call.volumes ?? [];
    const steps: { from: MesosResource; to: MesosResource }[] = [];
    for (const resource of wanted) {
      const step = stepOf(type, resource);
      if (type === "UNRESERVE_RESOURCES" && resource.disk?.persistence !== undefined) {
        return refuse(400, "A dynamically reserved persistent volume cannot be unreserved directly");
      }
      const missing = amountOf(total, step.from) - amountOf(used, step.from) < thousandths(step.from);
      if (missing) return refuse(type === "DESTROY_VOLUMES" ? 400 : 409, "does not contain");
      const id = resource.disk?.persistence?.id;
      if (type === "CREATE_VOLUMES" && total.some(({ disk }) => disk?.persistence?.id === id)) {
        return refuse(400, "Persistence ID is not unique");
      }
      steps.push(step);
    }
    const work = () => {
      for (const { from, to } of steps) {
        agent.total_resources = added(taken(agent.total_resources ?? [], from), to);
      }
    };
    return { status: 202, text: "", work };
  }
}

/** In the new form alone, which is as good. */
function plain(resource: MesosResource, reservations: readonly unknown[]): MesosResource {
  const { role: _, reservation: __, reservations: ___, allocation_info: ____, ...rest } = resource;
  return { ...rest, reservations } as MesosResource;
}

function stepOf(type: string, resource: MesosResource): { from: MesosResource; to: MesosResource } {
  const stack = (resource.reservations ?? []) as unknown[];
  const bare = (like: MesosResource) => {
    const { persistence: _, volume: __, ...disk } = like.disk ?? {};
    const { disk: ___, ...rest } = like;
    return (disk.source === undefined ? rest : { ...rest, disk }) as MesosResource;
  };
  switch (type) {
    case "RESERVE_RESOURCES":
      return { from: plain(resource, stack.slice(0, -1)), to: plain(resource, stack) };
    case "UNRESERVE_RESOURCES":
      return { from: plain(resource, stack), to: plain(resource, stack.slice(0, -1)) };
    case "CREATE_VOLUMES":
      return { from: plain(bare(resource), stack), to: plain(resource, stack) };
    case "DESTROY_VOLUMES":
      return { from: plain(resource, stack), to: plain(bare(resource), stack) };
    default:
      throw new Error(`the master has no call ${type}`);
  }
}

function taken(resources: readonly MesosResource[], part: MesosResource): MesosResource[] {
  return resources.flatMap((resource) => {
    if (identityOf(resource) !== identityOf(part)) return [resource];
    const left = thousandths(resource) - thousandths(part);
    return left > 0 ? [{ ...resource, scalar: { value: left / 1_000 } }] : [];
  });
}

function added(resources: readonly MesosResource[], part: MesosResource): MesosResource[] {
  const same = resources.find((resource) => identityOf(resource) === identityOf(part));
  if (same === undefined || part.disk?.persistence !== undefined) return [...resources, part];
  const sum = (thousandths(same) + thousandths(part)) / 1_000;
  return resources.map((resource) => (resource === same ? { ...same, scalar: { value: sum } } : resource));
}

/** `hostname: name amount [role] id`, sorted: everything that is reserved. */
export function reservedOn(master: MesosMaster): string[] {
  return master.agents
    .flatMap(({ agent_info, total_resources = [] }) =>
      total_resources
        .filter((resource) => reservationsOf(resource).length > 0)
        .map((resource) => {
          const roles = reservationsOf(resource).map(({ role }) => role);
          const id = resource.disk?.persistence?.id ?? "";
          return `${agent_info.hostname}: ${resource.name} ${resource.scalar?.value} [${roles}] ${id}`.trim();
        }),
    )
    .sort();
}
