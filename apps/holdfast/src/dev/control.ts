import { chmodSync, existsSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { ERROR_CODES, type ErrorCode, HoldfastError } from "@holdfast/core";
import { formatError } from "../print-error.js";
import type { Cluster } from "./cluster.js";
import type { Injected } from "./faults.js";
import { type ClusterStatus, clusterStatus } from "./status.js";

/** What another `holdfast dev …` may ask of the program that runs the cluster. */
export const AGENT_VERBS = ["kill", "cut", "heal", "pause", "kill-wrapper"] as const;
export const STORE_VERBS = ["hang-store", "resume-store"] as const;
export type Verb = (typeof AGENT_VERBS)[number] | (typeof STORE_VERBS)[number] | "status" | "down";

export interface ControlRequest {
  readonly verb: Verb;
  readonly agent: string | null;
}

export type ControlAnswer =
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "status"; readonly status: ClusterStatus }
  | { readonly kind: "failed"; readonly code: string; readonly message: string; readonly hint: string };

const ANSWER_MS = 60_000;

/** Serves until closed. The socket is this user's alone: who reaches it may kill processes. */
export async function serveControl(path: string, cluster: Cluster, down: () => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => {
      void answer(text, cluster, down).then((result) => socket.end(JSON.stringify(result)));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return server;
}

async function answer(text: string, cluster: Cluster, down: () => void): Promise<ControlAnswer> {
  try {
    const request = JSON.parse(text) as ControlRequest;
    if (request.verb === "status") return { kind: "status", status: await clusterStatus(cluster) };
    if (request.verb === "down") {
      down();
      return { kind: "done", text: "the cluster is being taken down" };
    }
    const { observed } = await inject(cluster, request);
    return { kind: "done", text: observed };
  } catch (error) {
    const { code, message, hint } = formatError(error);
    return { kind: "failed", code, message, hint };
  }
}

function inject({ faults }: Cluster, { verb, agent }: ControlRequest): Promise<Injected> {
  const target = agent ?? "";
  switch (verb) {
    case "kill":
      return faults.kill(target);
    case "cut":
      return faults.cut(target);
    case "heal":
      return faults.heal(target);
    case "pause":
      return faults.pause(target);
    case "kill-wrapper":
      return faults.killWrapper(target);
    case "hang-store":
      return faults.hangStore();
    case "resume-store":
      return faults.resumeStore();
    case "status":
    case "down":
      throw new Error(`${verb} is no fault`);
    default:
      return verb satisfies never;
  }
}

/** @throws `NOT_RUNNING` when no cluster runs there; what the cluster answered. */
export async function askControl(path: string, request: ControlRequest): Promise<ControlAnswer> {
  const answer = await new Promise<string>((resolve, reject) => {
    const notRunning = (cause?: unknown) =>
      reject(
        new HoldfastError("NOT_RUNNING", `No development cluster answers at ${path}.`, {
          hint: "Start one with `holdfast dev up`, or give its directory with --dir.",
          cause,
        }),
      );
    if (!existsSync(path)) return notRunning();
    const socket = connect({ path });
    let text = "";
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("no answer")));
    socket.on("connect", () => socket.end(JSON.stringify(request)));
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", notRunning);
    socket.on("end", () => resolve(text));
  });
  return JSON.parse(answer) as ControlAnswer;
}

/** What went wrong in the other process, as an error of this one. */
export function failureOf({ code, message, hint }: Extract<ControlAnswer, { kind: "failed" }>): HoldfastError {
  return new HoldfastError(Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "INTERNAL", message, { hint });
}
