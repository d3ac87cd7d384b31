import { ofFuseClient } from "../capabilities.js";
import type { FileSystemDriver } from "../driver.js";
import { provenOf } from "../proven.js";
import { attach, detach, observe } from "./attachment.js";
import { check } from "./check.js";
import { clientCommand, explainEnd, isClient, isMountOf, peers } from "./client.js";
import { explain } from "./explain.js";
import { fence, unfence } from "./fence.js";
import { inspect } from "./inspect.js";
import type { GlusterfsOptions } from "./options.js";
import { prepare } from "./prepare.js";

const BACKEND = "glusterfs";
/** From the servers' dropping a dead connection to the lock's being free. */
const CLAIM_SLACK_MS = 5_000;

export const glusterfsDriver = {
  type: "glusterfs",
  capabilities: (options) => ({
    backend: BACKEND,
    ...ofFuseClient(options),
    claimWaitMs: options.deadClientLockMs + CLAIM_SLACK_MS,
  }),
  proof: () => provenOf(BACKEND),
  explain,
  isMountOf,
  client: clientCommand,
  isClient,
  explainEnd,
  peers,
  observe,
  attach,
  detach,
  fence,
  unfence,
  inspect,
  prepare,
  check,
} satisfies FileSystemDriver<GlusterfsOptions>;
