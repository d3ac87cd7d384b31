import { connect } from "node:net";
import { decideHealth, type RunStatus, runStatusFormat } from "@holdfast/core";

/** What one look at a run's status socket told. */
export type Probe =
  | { readonly kind: "answered"; readonly healthy: boolean; readonly status: RunStatus }
  | { readonly kind: "silent"; readonly why: string };

/** Asks a run how it is, as `holdfast health` does, within a bound: a stopped wrapper accepts and says nothing. */
export function probeStatus(path: string, timeoutMs: number): Promise<Probe> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const chunks: Buffer[] = [];
    const done = (probe: Probe) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(probe);
    };
    const silent = (why: string) => done({ kind: "silent", why });
    const timer = setTimeout(() => silent("no answer"), timeoutMs);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => silent(error.message));
    socket.on("end", () => {
      try {
        const status = runStatusFormat.parse(Buffer.concat(chunks));
        done({ kind: "answered", healthy: decideHealth(status).healthy, status });
      } catch (error) {
        silent(String(error));
      }
    });
  });
}
