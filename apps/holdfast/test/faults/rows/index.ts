import type { FaultRow } from "@holdfast/testkit";
import { applicationRows } from "./application.js";
import { clockRows } from "./clock.js";
import { crowdRows } from "./crowd.js";
import { ensembleRows } from "./ensemble.js";
import { linkRows } from "./links.js";
import { processRows } from "./processes.js";
import { protocolRows } from "./protocol.js";
import { recordRows } from "./records.js";
import { serverRows } from "./servers.js";
import { signalRows } from "./signals.js";
import { volumeRows } from "./volumes.js";
import { waiterRows } from "./waiters.js";

export { controlRows } from "./control.js";

/** Every row but the control's, in the order of the published table. */
export const allRows: readonly FaultRow[] = [
  ...processRows,
  ...linkRows,
  ...serverRows,
  ...ensembleRows,
  ...protocolRows,
  ...signalRows,
  ...applicationRows,
  ...recordRows,
  ...volumeRows,
  ...waiterRows,
  ...crowdRows,
  ...clockRows,
];
