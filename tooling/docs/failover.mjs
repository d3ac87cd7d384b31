// @ts-check
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../checks/tree.mjs";
import { page, table } from "./tables.mjs";

const DIRECTORY = join(repository, "docs/reference/storage-failover");

/**
 * @typedef {object} Result
 * @property {string} backend
 * @property {string} server
 * @property {string} fault
 * @property {number} leaseMs
 * @property {number | null} holderGoneMs
 * @property {number} leaseWonMs
 * @property {ReadonlyArray<{ name: string, ms: number }>} takeover
 * @property {number} firstWriteMs
 * @property {number} acknowledged
 * @property {number} acknowledgedAfter
 * @property {number} lost
 * @property {number} overlapMs
 */

/** What the columns are made of; whatever else a strategy reports is in `other`. */
const COLUMNS = ["fence", "attach", "check", "repair", "mount"];
const STARTS = ["tree", "claim", "record", "start"];

/** @param {Result} result */
function row(result) {
  const of = (/** @type {readonly string[]} */ names) =>
    result.takeover.filter(({ name }) => names.includes(name)).reduce((sum, { ms }) => sum + ms, 0);
  const total = result.takeover.reduce((sum, { ms }) => sum + ms, 0);
  const known = COLUMNS.map((name) => of([name]));
  const start = of(STARTS);
  const other = total - known.reduce((sum, ms) => sum + ms, 0) - start;
  const ms = (/** @type {number | null} */ value) => (value === null ? "–" : String(Math.round(value)));
  return [
    result.fault,
    ms(result.holderGoneMs),
    ms(result.leaseWonMs),
    ...known.map((value) => (value === 0 ? "–" : ms(value))),
    ms(other),
    ms(start),
    ms(result.firstWriteMs),
    String(result.acknowledged),
    String(result.lost),
    String(result.overlapMs),
  ];
}

const HEADS = [
  "fault",
  "holder gone",
  "lease",
  ...COLUMNS,
  "other",
  "start",
  "first write",
  "acknowledged",
  "lost",
  "overlap",
];

/** `docs/reference/storage-failover.md` from the results that the suites published; undefined when there are none. */
export function failoverPage() {
  if (!existsSync(DIRECTORY)) return undefined;
  const files = readdirSync(DIRECTORY).filter((name) => name.endsWith(".json"));
  const blocks = files.sort().map((name) => {
    /** @type {{ at: string, results: readonly Result[] }} */
    const { at, results } = JSON.parse(readFileSync(join(DIRECTORY, name), "utf8"));
    const [first] = results;
    const heading = `## ${first?.backend}\n\n${first?.server}, lease ${first?.leaseMs} ms, ${at.slice(0, 10)}.`;
    return `${heading}\n\n${table(HEADS, results.map(row))}`;
  });
  if (blocks.length === 0) return undefined;
  return page(
    "Failover with a database on each kind of storage",
    [
      "Redis with `appendfsync always` on a real server of each kind; a second run waits for the lease on another agent. Written by `HOLDFAST_PUBLISH=1 pnpm test:storage` (NFS: `test:vm`). All times are milliseconds from the fault, those from `fence` to `start` are parts of the takeover itself. `holder gone`: nothing of the holder was left on its agent (–: it was cut off or stopped until after the takeover). `lease`: the waiting run has the lease; there is no detection beside it, because a run that waits times the record itself. `other`: preparing, detaching at the server, verifying. `lost` counts acknowledged keys that the new holder does not have, `overlap` is the time during which two epochs acknowledged writes. The machine is shared and has two cores; take the numbers as orders of magnitude.",
      ...blocks,
    ],
    "docs/reference/storage-failover/*.json",
  );
}
