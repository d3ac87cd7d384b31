import { ofFuseClient } from "../capabilities.js";
import type { FileSystemDriver } from "../driver.js";
import { provenOf } from "../proven.js";
import { attach, detach, observe } from "./attachment.js";
import { check } from "./check.js";
import { clientCommand, explainEnd, isClient, isMountOf, peers, processTitle } from "./client.js";
import { explain } from "./explain.js";
import { fence, unfence } from "./fence.js";
import { inspect } from "./inspect.js";
import type { MooseFsOptions } from "./options.js";
import { prepare } from "./prepare.js";

const BACKEND = "moosefs";
/** A fence frees the claim; nobody waits for SESSION_SUSTAIN_TIME where there is one. */
const CLAIM_WAIT_MS = 15_000;
/** The master removes lost sessions in a loop of its own. */
const CLAIM_SLACK_MS = 15_000;

export const mooseFsDriver = {
  type: "moosefs",
  capabilities: (options) => ({
    backend: BACKEND,
    ...ofFuseClient(options),
    claimWaitMs: options.control.length > 0 ? CLAIM_WAIT_MS : options.sessionSustainSeconds * 1_000 + CLAIM_SLACK_MS,
  }),
  proof: () => provenOf(BACKEND),
  explain,
  isMountOf,
  client: clientCommand,
  explainEnd,
  isClient,
  processTitle,
  peers,
  observe,
  attach,
  detach,
  fence,
  unfence,
  inspect,
  prepare,
  check,
} satisfies FileSystemDriver<MooseFsOptions>;
