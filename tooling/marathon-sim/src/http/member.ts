import { setTimeout as pause } from "node:timers/promises";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ContractCheck } from "../contract/check.js";
import { Problem } from "../core/problem.js";
import type { Driver } from "../driver.js";
import { type Answer, jettyPage, json, problem, text } from "./answer.js";
import { type Credentials, isAllowed } from "./auth.js";
import type { EventStreams } from "./events.js";
import type { HttpFaults } from "./faults.js";
import { forward } from "./proxy.js";
import type { ApiRequest } from "./request.js";
import { route } from "./routes.js";

export interface MemberOptions {
  readonly driver: Driver;
  readonly faults: HttpFaults;
  readonly streams: EventStreams;
  readonly credentials: Credentials | null;
  readonly contract: ContractCheck | null;
  /** `host:port` of the leader now; null = none is elected. */
  readonly leader: () => string | null;
  readonly abdicate: () => void;
  /** How long a standby waits for a leader to appear, and for its answer. */
  readonly leaderWaitMs: number;
  readonly readTimeoutMs: number;
}

/** One Marathon process as seen over HTTP: the leader answers, a standby passes on (facts 12). */
export class Member {
  readonly #options: MemberOptions;
  readonly #server: FastifyInstance;
  #address = "";

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#server = fastify({ forceCloseConnections: true });
    // Bodies are read as text: what is wrong with them is answered in Marathon's words.
    this.#server.removeAllContentTypeParsers();
    this.#server.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    this.#server.all("/*", (request, reply) => this.#answer(request, reply));
  }

  /** `host:port`. */
  get address(): string {
    return this.#address;
  }

  async listen(host: string, port: number): Promise<void> {
    await this.#server.listen({ host, port });
    const bound = this.#server.server.address();
    this.#address = `${host}:${typeof bound === "object" && bound !== null ? bound.port : port}`;
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { credentials } = this.#options;
    // Whole, since clients write `/v2/apps/%2Fdb`. The server has refused what cannot be decoded.
    const path = decodeURIComponent(request.url.split("?")[0] ?? "/");
    if (credentials !== null && !isAllowed(request.headers.authorization, credentials)) {
      const page = jettyPage(401, "Unauthorized", path);
      this.#send(reply, { ...page, headers: { "www-authenticate": 'Basic realm="Mesosphere"' } });
      return;
    }
    const leader = await this.#leader();
    if (leader === null) this.#send(reply, text(502, "Could not determine the current leader"));
    else if (leader !== this.#address) await this.#passOn(request, reply, path, leader);
    else if (path === "/v2/events") this.#stream(request, reply, path);
    else await this.#lead(request, reply, path);
  }

  /** Facts 12: with no leader, requests are held for a while. */
  async #leader(): Promise<string | null> {
    const untilMs = Date.now() + this.#options.leaderWaitMs;
    for (;;) {
      const leader = this.#options.leader();
      if (leader !== null || Date.now() >= untilMs) return leader;
      await pause(10);
    }
  }

  async #passOn(request: FastifyRequest, reply: FastifyReply, path: string, leader: string): Promise<void> {
    if (path === "/v2/events") {
      const headers = { location: `http://${leader}${request.url}` };
      this.#send(reply, { ...text(302, ""), headers });
      return;
    }
    const { method, url: uri, headers } = request;
    const limits = { readTimeoutMs: this.#options.readTimeoutMs };
    this.#send(reply, await forward(leader, this.#address, { method, uri, headers, body: bodyOf(request) }, limits));
  }

  #stream(request: FastifyRequest, reply: FastifyReply, path: string): void {
    if (!(request.headers.accept ?? "").includes("text/event-stream")) {
      this.#send(reply, jettyPage(405, "HTTP method GET is not supported by this URL", path));
      return;
    }
    reply.hijack();
    reply.raw.setHeader("x-marathon-leader", `http://${this.#address}`);
    const types = new URL(request.url, "http://x").searchParams.getAll("event_type");
    this.#options.streams.attach(reply.raw, request.ip, types);
  }

  async #lead(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    const { faults, contract } = this.#options;
    const fault = faults.take(request.method, path);
    if (fault?.kind === "answer") {
      this.#send(reply, fault.answer);
      return;
    }
    const api = apiRequest(request, path);
    contract?.request(api);
    const answer = this.#carryOut(api);
    contract?.response(api, answer);
    if (fault?.kind === "hold") await fault.release;
    if (fault?.kind === "lose-reply") {
      reply.hijack();
      reply.raw.destroy();
      return;
    }
    this.#send(reply, { ...answer, headers: { ...answer.headers, "X-Marathon-Leader": `http://${this.#address}` } });
  }

  #carryOut(request: ApiRequest): Answer {
    const { driver, abdicate } = this.#options;
    const port = Number(this.#address.split(":").at(-1));
    try {
      return driver.apply((sim) => route(sim, request, { leader: this.#address, port, abdicate }));
    } catch (error) {
      if (error instanceof Problem) return problem(error);
      // A defect of the double must not look like Marathon's word on anything.
      return json(500, { message: `marathon-sim is broken: ${error instanceof Error ? error.stack : String(error)}` });
    }
  }

  #send(reply: FastifyReply, { status, contentType, body, headers }: Answer): void {
    reply.code(status).headers(headers);
    if (body !== "") reply.header("content-type", contentType);
    void reply.send(body);
  }
}

const bodyOf = ({ body }: FastifyRequest): string => (typeof body === "string" ? body : "");

function apiRequest(request: FastifyRequest, path: string): ApiRequest {
  return {
    method: request.method,
    path: path.replace(/\/{2,}/g, "/"),
    uri: request.url,
    query: new URL(request.url, "http://x").searchParams,
    body: bodyOf(request),
    accept: request.headers.accept ?? "",
    clientIp: request.ip,
  };
}
