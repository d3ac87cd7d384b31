import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FailoverResult } from "./failover.js";

const directory = join(import.meta.dirname, "../../../../docs/reference/storage-failover");

/** One line per failover for whoever watches; with `HOLDFAST_PUBLISH=1` also the file that the documentation is made of. */
export function publish(backend: string, results: readonly FailoverResult[]): void {
  for (const result of results) {
    const parts = result.takeover.map(({ name, ms }) => `${name} ${ms}`).join(", ");
    console.log(
      `${backend}: ${result.fault}: lease ${Math.round(result.leaseWonMs)} ms, then ${parts}; first write after ` +
        `${Math.round(result.firstWriteMs)} ms; ${result.acknowledged} acknowledged, ${result.lost} lost, overlap ${result.overlapMs} ms`,
    );
  }
  if (process.env.HOLDFAST_PUBLISH !== "1" || results.length === 0) return;
  mkdirSync(directory, { recursive: true });
  const round = (value: unknown) => (typeof value === "number" ? Math.round(value * 10) / 10 : value);
  const text = JSON.stringify({ at: new Date().toISOString(), results }, (_, value: unknown) => round(value), 2);
  writeFileSync(join(directory, `${backend}.json`), `${text}\n`);
}
