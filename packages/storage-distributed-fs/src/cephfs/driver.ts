import { ofFuseClient } from "../capabilities.js";
import type { FileSystemDriver } from "../driver.js";
import { provenOf } from "../proven.js";
import { attach, detach, observe } from "./attachment.js";
import { check } from "./check.js";
import { clientCommand, explainEnd, isClient, isMountOf, peers } from "./client.js";
import { explain } from "./explain.js";
import { fence, unfence } from "./fence.js";
import { inspect } from "./inspect.js";
import type { CephFsOptions } from "./options.js";
import { prepare } from "./prepare.js";

const BACKEND = "cephfs";
/** A fence frees the claim; nobody waits for session_autoclose where there is one. */
const CLAIM_WAIT_MS = 15_000;
/** From the eviction to the lock being free. */
const CLAIM_SLACK_MS = 15_000;

export const cephFsDriver = {
  type: "cephfs",
  capabilities: (options) => ({
    backend: BACKEND,
    ...ofFuseClient(options),
    claimWaitMs: options.control.length > 0 ? CLAIM_WAIT_MS : options.sessionAutocloseSeconds * 1_000 + CLAIM_SLACK_MS,
  }),
  proof: () => provenOf(BACKEND),
  explain,
  isMountOf,
  client: clientCommand,
  explainEnd,
  isClient,
  peers,
  observe,
  attach,
  detach,
  fence,
  unfence,
  inspect,
  prepare,
  check,
} satisfies FileSystemDriver<CephFsOptions>;
