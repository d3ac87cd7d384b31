import { until } from "../agents/until.js";
import type { FaultProxy, FaultRules } from "../zookeeper/fault-proxy.js";
import type { WireFrame } from "../zookeeper/frames.js";
import type { Fault } from "./fault.js";

/** Operations of the ZooKeeper protocol (zookeeper.jute, ZooDefs.OpCode). */
const GET_DATA = 4;
const SET_DATA = 5;
const MULTI = 14;
const CREATES: readonly number[] = [1, 15, 19, 21];
/** Length, then xid and operation. */
const REQUEST_HEADER_BYTES = 12;
/** Of each operation in a transaction, and of each of its results: operation, end mark, error. */
const MULTI_HEADER_BYTES = 9;
/** Length, then xid, zxid and error. */
const REPLY_HEADER_BYTES = 20;
const FAILED = -1;

export type RequestKind = "create" | "set" | "get";

/** The operation and path of a request; of a transaction those of its first part. Undefined for what has neither. */
function subjectOf({ bytes, code }: WireFrame): { readonly operation: number; readonly path: string } | undefined {
  if (code === undefined) return undefined;
  const isMulti = code === MULTI;
  const at = REQUEST_HEADER_BYTES + (isMulti ? MULTI_HEADER_BYTES : 0);
  if (bytes.length < at + 4) return undefined;
  const length = bytes.readInt32BE(at);
  if (length < 0 || at + 4 + length > bytes.length) return undefined;
  const operation = isMulti ? bytes.readInt32BE(REQUEST_HEADER_BYTES) : code;
  return { operation, path: bytes.toString("utf8", at + 4, at + 4 + length) };
}

function asks(frame: WireFrame, kind: RequestKind, pathPart: string): boolean {
  const subject = subjectOf(frame);
  if (subject === undefined || !subject.path.includes(pathPart)) return false;
  if (kind === "create") return CREATES.includes(subject.operation);
  return subject.operation === (kind === "set" ? SET_DATA : GET_DATA);
}

/** Did the server do it? A transaction that failed says so in its first result only. */
function carriedOut({ bytes, code }: WireFrame): boolean {
  if (code !== 0) return false;
  return bytes.length < REPLY_HEADER_BYTES + 4 || bytes.readInt32BE(REPLY_HEADER_BYTES) !== FAILED;
}

export interface LostReply {
  /** The request was carried out, and its reply did not arrive. */
  done(): boolean;
  readonly what: string;
}

/**
 * Loses the reply of the next request of that kind whose path contains the text, and that the server has carried out.
 * `reset` ends the connection with it; `cut` delivers the first half of the reply before.
 * @param afterwards - what happens to messages from then on.
 */
export function loseNextReply(
  proxy: FaultProxy,
  kind: RequestKind,
  pathPart: string,
  how: "reset" | "cut",
  afterwards: FaultRules = {},
): LostReply {
  let awaited: string | undefined;
  let lost = false;
  proxy.setRules({
    request(frame, connection) {
      if (lost) return afterwards.request?.(frame, connection) ?? "pass";
      if (asks(frame, kind, pathPart)) awaited ??= `${connection} ${frame.xid}`;
      return "pass";
    },
    reply(frame, connection) {
      if (lost) return afterwards.reply?.(frame, connection) ?? "pass";
      if (awaited !== `${connection} ${frame.xid}`) return "pass";
      awaited = undefined;
      if (!carriedOut(frame)) return "pass";
      lost = true;
      return how === "reset" ? "reset" : { cutAfterBytes: Math.floor(frame.bytes.length / 2) };
    },
  });
  const fate = how === "reset" ? "lost with its connection" : "cut in the middle";
  return { done: () => lost, what: `reply to a ${kind} of …${pathPart} ${fate}` };
}

const LIMIT_MS = 20_000;

/** Under a running holder: the reply of a renewal is lost, or cut in the middle. */
export function renewalReplyLost(how: "reset" | "cut"): Fault {
  return {
    durationMs: null,
    async inject({ scene, holder }) {
      const proxy = proxyOf(scene.store.proxy, holder.agent);
      const lost = loseNextReply(proxy, "set", "/lease", how);
      await until("a renewal's reply to be lost", lost.done, { timeoutMs: LIMIT_MS, intervalMs: 5 });
      return { observed: `${lost.what}; connections until then ${proxy.connections}` };
    },
  };
}

/**
 * A renewal's reply is lost, and whoever reads the record next is shown what it was before: a server that lags behind
 * the others, as a client may meet after it was disconnected.
 */
export function olderStateAfterUnknownOutcome(reads: number): Fault {
  return {
    durationMs: null,
    async inject({ scene, holder }) {
      const proxy = proxyOf(scene.store.proxy, holder.agent);
      const old = await rememberRead(proxy, () => scene.tool(holder.agent, "lock", "status"));
      const replayed = replay(old, reads);
      const lost = loseNextReply(proxy, "set", "/lease", "reset", replayed.rules);
      await until(`${reads} reads to be answered with the old state`, () => replayed.count() >= reads, {
        timeoutMs: LIMIT_MS,
        intervalMs: 5,
        seen: () => `${lost.done() ? "reply lost" : "no reply lost"}, ${replayed.count()} reads`,
      });
      return { observed: `${lost.what}; ${replayed.count()} reads of the record answered with an older state` };
    },
  };
}

/** Lets somebody read the record through the proxy and keeps the server's answer. */
async function rememberRead(proxy: FaultProxy, read: () => Promise<unknown>): Promise<Buffer> {
  const asked = new Map<string, true>();
  let answer: Buffer | undefined;
  proxy.setRules({
    request(frame, connection) {
      if (asks(frame, "get", "/lease")) asked.set(`${connection} ${frame.xid}`, true);
      return "pass";
    },
    reply(frame, connection) {
      if (asked.has(`${connection} ${frame.xid}`) && frame.code === 0) answer ??= Buffer.from(frame.bytes);
      return "pass";
    },
  });
  await read();
  if (answer === undefined) throw new Error("the record was not read through the proxy");
  return answer;
}

const XID_OFFSET = 4;

/** The same answer to the next reads, under each one's own number. */
function replay(old: Buffer, reads: number): { readonly rules: FaultRules; count(): number } {
  let count = 0;
  const asked = new Set<string>();
  return {
    count: () => count,
    rules: {
      request(frame, connection) {
        if (asks(frame, "get", "/lease")) asked.add(`${connection} ${frame.xid}`);
        return "pass";
      },
      reply(frame, connection) {
        if (frame.xid === undefined || !asked.has(`${connection} ${frame.xid}`) || count >= reads) return "pass";
        count += 1;
        const bytes = Buffer.from(old);
        bytes.writeInt32BE(frame.xid, XID_OFFSET);
        return { replace: bytes };
      },
    },
  };
}

function proxyOf(proxy: ((agent: string) => FaultProxy) | undefined, agent: string): FaultProxy {
  if (proxy === undefined) throw new Error("this scene has no proxy");
  return proxy(agent);
}
