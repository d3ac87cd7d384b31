import { hasCode } from "@holdfast/core";
import * as z from "zod";
import type { CallOptions, Send, SendRaw } from "./call.js";
import { unreadable } from "./errors.js";
import { infoSchema, leaderSchema, type MarathonInfo } from "./schemas.js";

/** Marathon itself. Semantics: InfoResource.scala, LeaderResource.scala. */
export interface ServerApi {
  info(options?: CallOptions): Promise<MarathonInfo>;
  /** `host:port` of the leader, null when there is none now. */
  leader(options?: CallOptions): Promise<string | null>;
  /** Makes the leader step down; its process exits. @throws `NOT_FOUND`: there is no leader. */
  abdicate(options?: CallOptions): Promise<void>;
  /** Resolves when an instance answers; it need not be the leader, nor know one. */
  ping(options?: CallOptions): Promise<void>;
  /** As Marathon gives them; their names differ between versions. */
  metrics(options?: CallOptions): Promise<Readonly<Record<string, unknown>>>;
}

export function createServerApi(send: Send, sendRaw: SendRaw): ServerApi {
  return {
    info: (options) =>
      send({ method: "GET", path: "/v2/info", effect: "read", what: "Reading the info" }, infoSchema, options),
    async leader(options) {
      const request = { method: "GET", path: "/v2/leader", effect: "read", what: "Asking for the leader" } as const;
      try {
        return (await send(request, leaderSchema, options)).leader;
      } catch (error) {
        if (hasCode(error, "NOT_FOUND")) return null;
        throw error;
      }
    },
    async abdicate(options) {
      const what = "Asking the leader to step down";
      await sendRaw({ method: "DELETE", path: "/v2/leader", effect: "write", what }, options);
    },
    async ping(options) {
      const request = { method: "GET", path: "/ping", effect: "read", what: "Pinging" } as const;
      const answer = await sendRaw(request, options);
      if (!/^"?pong"?\s*$/.test(answer.text)) throw unreadable(answer, request, "it is not a pong");
    },
    metrics: (options) =>
      send(
        { method: "GET", path: "/metrics", effect: "read", what: "Reading the metrics" },
        z.record(z.string(), z.unknown()),
        options,
      ),
  };
}
