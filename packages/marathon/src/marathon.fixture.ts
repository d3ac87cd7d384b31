import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, readonly string[]>>;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

export type Reply = (seen: SeenRequest, response: ServerResponse, request: IncomingMessage) => void;

/** A listener that records what arrives in full before it replies. */
export function recording(seen: SeenRequest[], reply: Reply): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "", "http://server");
      const query = Object.fromEntries([...url.searchParams.keys()].map((key) => [key, url.searchParams.getAll(key)]));
      const text = Buffer.concat(chunks).toString();
      const { method = "", headers } = request;
      const entry = { method, path: url.pathname, query, headers, body: text === "" ? undefined : JSON.parse(text) };
      seen.push(entry);
      reply(entry, response, request);
    });
  };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** A whole HTTP answer as bytes, for servers of sockets. */
export function rawAnswer(status: number, body: string, headers: readonly string[] = []): string {
  const lines = [`HTTP/1.1 ${status} X`, `Content-Length: ${Buffer.byteLength(body)}`, "Connection: close", ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

export const RESULT = { version: "2026-01-02T03:04:05.678Z", deploymentId: "5ed4c0c5-9ff8-4a6f-a0cd-f57f59a34b43" };
export const APP = {
  id: "/db/orders",
  version: "2026-01-02T03:04:05.678Z",
  instances: 1,
  cpus: 1,
  mem: 1024,
  cmd: "exec mysqld",
  unreachableStrategy: "disabled",
};

/** A definition that uses every part a stateful service needs. */
export const DEFINITION = {
  id: "/db/orders",
  cmd: "exec holdfast run --wait -- mysqld",
  instances: 1,
  cpus: 2,
  mem: 4096,
  labels: { MARATHON_SINGLE_INSTANCE_APP: "true" },
  env: { MODE: "prod" },
  upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
  unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 3600 },
  killSelection: "YOUNGEST_FIRST" as const,
  taskKillGracePeriodSeconds: 120,
  maxLaunchDelaySeconds: 60,
  networks: [{ mode: "host" as const }],
  portDefinitions: [{ port: 0, name: "mysql", protocol: "tcp" as const }],
  constraints: [["hostname", "IS", "node-1"]],
  healthChecks: [{ protocol: "COMMAND" as const, command: { value: "holdfast health" }, gracePeriodSeconds: 600 }],
};
