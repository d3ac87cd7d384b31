import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { release } from "node:os";
import {
  type FaultProfile,
  findZooKeeperRuntime,
  missingZooKeeperPackages,
  type RowResult,
  renderFaultTable,
} from "@holdfast/testkit";
import { executableUnderTest, inRepository } from "./environment.js";

const TABLE = "docs/reference/fault-table.md";
/** What the published table is played with; a quicker run shows nothing that one would print. */
const PUBLISHED_LEASE_MS = 10_000;

/**
 * Writes the table, when every planned row was played to its end with the published lease. Otherwise says why not.
 * @returns one line for the test's output.
 */
export function publish(profile: FaultProfile, planned: number, results: readonly RowResult[]): string {
  if (results.length < planned)
    return `${TABLE} is not written: ${results.length} of ${planned} rows were played to their end.`;
  if (profile.timing.leaseMs < PUBLISHED_LEASE_MS)
    return `${TABLE} is not written: the lease was ${profile.timing.leaseMs} ms, the table is for ${PUBLISHED_LEASE_MS}.`;
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(inRepository(TABLE), renderFaultTable({ date, versions: versions(), profile, results }));
  return `${TABLE} written: ${results.length} rows.`;
}

function versions(): Record<string, string> {
  const [file, ...args] = executableUnderTest();
  return {
    Holdfast: execFileSync(file, [...args, "--version"], { encoding: "utf8" }).trim(),
    Node: process.version,
    ZooKeeper: missingZooKeeperPackages().length === 0 ? findZooKeeperRuntime().version : "not installed",
    kernel: release(),
  };
}
