import { request as send } from "node:http";
import { type Answer, text } from "./answer.js";

/** Facts 12: `--leader_proxy_read_timeout`, `--leader_proxy_connection_timeout`. */
export interface ProxyLimits {
  readonly readTimeoutMs: number;
}

export interface Forwarded {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A standby asks the leader. The write may have been applied although this answers with an error (facts 12). */
export function forward(leader: string, via: string, forwarded: Forwarded, limits: ProxyLimits): Promise<Answer> {
  const [host, port] = leader.split(":");
  const { connection: _, "content-length": __, "transfer-encoding": ___, ...headers } = forwarded.headers;
  return new Promise((resolve) => {
    const outgoing = send(
      {
        ...{ host, port, method: forwarded.method, path: forwarded.uri, agent: false },
        headers: { ...headers, via: `1.1 ${via}`, "content-length": String(Buffer.byteLength(forwarded.body)) },
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("error", (error) => resolve(text(502, `Connection to the leader broke: ${error.message}`)));
        response.on("end", () => {
          const kept = ["marathon-deployment-id", "x-marathon-leader", "www-authenticate"];
          const passed = kept.flatMap((name) => {
            const value = response.headers[name];
            return typeof value === "string" ? [[name, value] as const] : [];
          });
          resolve({
            ...{ status: response.statusCode ?? 502, body, data: undefined },
            contentType: response.headers["content-type"] ?? "text/plain",
            headers: { ...Object.fromEntries(passed), via: `1.1 ${via}` },
          });
        });
      },
    );
    outgoing.setTimeout(limits.readTimeoutMs, () => {
      resolve(text(500, "Read from the leader timed out", "text/html"));
      outgoing.destroy();
    });
    // Facts 11: 502 when the leader refuses or drops the connection; the body need not be JSON.
    outgoing.on("error", (error) => resolve(text(502, `Failed to proxy to the leader: ${error.message}`)));
    outgoing.end(forwarded.body);
  });
}
