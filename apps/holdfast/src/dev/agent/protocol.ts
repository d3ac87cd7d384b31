import type { AgentTask, Launch } from "@holdfast/orchestrator-local";

/**
 * What the orchestrator's side and an agent say to each other: one JSON object per line on a TCP connection that the
 * agent opens. It proves itself with the cluster's token, because anybody on this machine may reach the port.
 */
export type FromAgent =
  | { readonly type: "hello"; readonly agent: string; readonly token: string; readonly pid: number }
  | { readonly type: "answer"; readonly id: number; readonly result: AgentResult };

export type AgentResult =
  | { readonly ok: true; readonly tasks: readonly AgentTask[] }
  | { readonly ok: false; readonly error: string };

export type ToAgent =
  | { readonly type: "tasks"; readonly id: number }
  | { readonly type: "launch"; readonly id: number; readonly launch: Launch }
  | { readonly type: "kill"; readonly id: number; readonly task: string };

/** An agent that hears nothing for this long opens a new connection: after a cut the old one is worth nothing. */
export const AGENT_SILENCE_MS = 1_000;

export function encode(message: FromAgent | ToAgent): string {
  return `${JSON.stringify(message)}\n`;
}

/** Splits a stream into its lines. @throws Error on a line that is not JSON: the peer is our own program. */
export function lineReader<T>(onMessage: (message: T) => void): (chunk: Buffer) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onMessage(JSON.parse(line) as T);
  };
}
