import {
  type AgentId,
  type AttachContext,
  type FenceReceipt,
  type FormerHolder,
  type Grant,
  HoldfastError,
  hasCode,
  type ObservedVolume,
  type Op,
  STORAGE_ERROR_CODES,
  type StorageErrorCode,
  type Volume,
} from "@holdfast/core";
import { REFUSED_EXIT_CODE, type ServerStatus, serverAnswerSchema } from "./answer.js";
import { contextOf } from "./context.js";
import { addressOf, type NbdOptions, parseNbdOptions } from "./options.js";

/** Longer than the server's own limits for its lock, for killing and for starting. */
const CONTROL_TIMEOUT_MS = 30_000;
const EVIDENCE_LENGTH_MAX = 3_900;

/** One verb of `holdfast-nbd-server`. @throws what the server answers, with its code; `UNKNOWN_OUTCOME` without an answer. */
export async function askServer(op: Op, options: NbdOptions, verb: string, ...args: string[]): Promise<ServerStatus> {
  const { stdout } = await op.control(options.control, [verb, options.volume, ...args], {
    timeoutMs: CONTROL_TIMEOUT_MS,
    okExitCodes: [0, REFUSED_EXIT_CODE],
  });
  const parsed = serverAnswerSchema.safeParse(parseJson(stdout));
  if (!parsed.success) {
    throw new HoldfastError("UNKNOWN_OUTCOME", `The server's answer to ${verb} cannot be read.`, {
      hint: "Is `control` the program holdfast-nbd-server, of the same version?",
      detail: { stdout: stdout.slice(0, 500) },
    });
  }
  if (parsed.data.ok) return parsed.data.status;
  const { code, message, hint, retryable, detail } = parsed.data.error;
  throw new HoldfastError(isStorageCode(code) ? code : "INTERNAL", message, { hint, retryable, detail });
}

export async function observe(op: Op, volume: Volume): Promise<ObservedVolume> {
  const options = parseNbdOptions(volume);
  let status: ServerStatus;
  try {
    status = await askServer(op, options, "status");
  } catch (error) {
    if (!hasCode(error, "NOT_FOUND")) throw error;
    return { exists: false, attachments: [], fenced: [], recorded: null, detail: {} };
  }
  const { attached } = status;
  return {
    exists: status.image.sizeBytes !== null,
    attachments: attached === null ? [] : [{ agent: attached.agent, epoch: BigInt(attached.epoch) }],
    fenced: status.fenced.map(({ agent }) => agent),
    recorded: null,
    detail: { ...status },
  };
}

export async function attach(op: Op, volume: Volume, agent: AgentId, grant: Grant): Promise<AttachContext> {
  const options = parseNbdOptions(volume);
  const status = await askServer(op, options, "attach", agent, addressOf(options, agent), String(grant.epoch));
  refuseOtherServer(options, status);
  refuseOthers(status);
  return contextOf(status);
}

export async function detach(op: Op, volume: Volume, agent: AgentId): Promise<void> {
  try {
    await askServer(op, parseNbdOptions(volume), "detach", agent);
  } catch (error) {
    if (!hasCode(error, "NOT_FOUND")) throw error;
  }
}

export async function fence(op: Op, volume: Volume, former: FormerHolder, grant: Grant): Promise<FenceReceipt> {
  const options = parseNbdOptions(volume);
  const status = await askServer(op, options, "fence", former.agent, String(former.epoch), String(grant.epoch));
  const stillThere = status.attached?.agent === former.agent && BigInt(status.attached.epoch) < grant.epoch;
  if (stillThere || (status.attached === null && status.processes.length > 0)) {
    throw new HoldfastError("UNFENCEABLE", `The server still serves volume ${options.volume} after the fence.`, {
      hint: "Look at its processes on the server.",
      retryable: true,
      detail: { evidence: evidenceOf(status) },
    });
  }
  return {
    fencedEpoch: former.epoch,
    agent: former.agent,
    byEpoch: grant.epoch,
    strategy: "nbd",
    at: op.clock.wallTime(),
    evidence: evidenceOf(status),
  };
}

export async function unfence(op: Op, volume: Volume, agent: AgentId): Promise<void> {
  await askServer(op, parseNbdOptions(volume), "unfence", agent);
}

/** What the server saw after the fact, for people: what it exports, to whom, and who is connected. */
function evidenceOf(status: ServerStatus): string {
  const { attached, processes, sessions, fenced } = status;
  const list = (items: readonly string[]) => (items.length === 0 ? "none" : items.join("; "));
  return [
    `${status.server.kind} ${status.server.version} on ${status.listen}:${status.port}, volume ${status.volume}, epoch ${status.epoch}`,
    `export: ${attached === null ? "none" : `${attached.export} to ${attached.agent} (${attached.address})`}`,
    `processes: ${list(processes.map(({ pid, command }) => `${pid} ${command}`))}`,
    `connections: ${list(sessions.map(({ peer, state }) => `${peer} ${state}`))}`,
    `other users of ${status.image.path}: ${list(status.otherUsers)}`,
    `fenced: ${list(fenced.map(({ agent, epoch, byEpoch }) => `${agent} (epoch ${epoch}, by ${byEpoch})`))}`,
  ]
    .join("\n")
    .slice(0, EVIDENCE_LENGTH_MAX);
}

function refuseOtherServer({ server, volume }: NbdOptions, status: ServerStatus): void {
  if (status.server.kind === server.kind && status.port === server.port) return;
  throw new HoldfastError(
    "INCOMPATIBLE",
    `Volume ${volume} is served by ${status.server.kind} on port ${status.port}, not by ${server.kind} on ${server.port}.`,
    { hint: "Make server.kind and server.port agree with the server's configuration." },
  );
}

function refuseOthers(status: ServerStatus): void {
  if (status.otherUsers.length === 0) return;
  throw new HoldfastError("BUSY", `The image ${status.image.path} is in use on the server by ${status.otherUsers}.`, {
    hint: "End what uses it; nothing but this volume's server may.",
    retryable: true,
    detail: { users: status.otherUsers },
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told by the schema
  }
}

function isStorageCode(code: string): code is StorageErrorCode {
  return code in STORAGE_ERROR_CODES;
}
