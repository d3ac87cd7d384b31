import {
  HoldfastError,
  hasCode,
  type StoreCallOptions,
  type StoreCreateOptions,
  type StoreEntry,
  type StoreVersion,
} from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import zookeeper, { type ACL, type Client, type Stat } from "node-zookeeper-client";
import type { Link } from "./link.js";
import type { NodePaths } from "./node-paths.js";
import { ReplyError, replyCodeOf } from "./reply-codes.js";
import type { Request } from "./session.js";
import type { CallSubject } from "./translate.js";
import type { Workarounds } from "./workarounds.js";

/** ZooKeeper's own limit is 1 MiB and its client's beyond that; records are small, and a large one is a mistake. */
export const RECORD_BYTES_MAX = 32 * 1024;

export interface RecordsContext {
  readonly link: Link;
  readonly paths: NodePaths;
  /** What nodes are created with. */
  readonly acl: () => ACL[];
  readonly workarounds: Workarounds;
}

const { CreateMode } = zookeeper;
const NO_DATA = Buffer.alloc(0);

export async function getRecord(
  { link, paths }: RecordsContext,
  path: string,
  options: StoreCallOptions,
): Promise<StoreEntry | undefined> {
  const node = paths.absolute(path);
  const subject: CallSubject = { repeatable: true, what: `get ${path}` };
  try {
    return await link.call(
      subject,
      (client, done) =>
        client.getData(node, (error, data: Buffer | undefined, stat) =>
          done(error, error ? undefined : { data: data ?? NO_DATA, version: versionOf(stat) }),
        ),
      options,
    );
  } catch (error) {
    if (hasCode(error, "RECORD_MISSING")) return undefined;
    throw error;
  }
}

export async function createRecord(
  context: RecordsContext,
  path: string,
  data: Uint8Array,
  options: StoreCreateOptions,
): Promise<StoreVersion> {
  const { link, paths, acl } = context;
  const node = paths.absolute(path);
  const bytes = payload(context, data);
  const mode = options.ephemeral === true ? CreateMode.EPHEMERAL : CreateMode.PERSISTENT;
  return withParents(context, path, options, (bound) =>
    link.call({ repeatable: false, what: `create ${path}` }, createWithStat(node, bytes, acl(), mode), bound),
  );
}

/**
 * One transaction: create, then set the same data. Its second result carries what a plain create keeps to itself, the
 * identity of *this* creation, without a second read in which another creation could be seen; and the version
 * that everybody sees first is 1, which no part of the client can take for "any version".
 */
export function createWithStat(node: string, data: Buffer, acl: ACL[], mode: number): Request<StoreVersion> {
  return (client, done) =>
    client
      .transaction()
      .create(node, data, acl, mode)
      .setData(node, data, -1)
      .commit((error, results) => {
        if (error) done(transactionError(error, results));
        else done(null, versionOf(results[1].stat));
      });
}

/** The error of a transaction, with the operation that it was about. */
export function transactionError(error: unknown, results: readonly { readonly err?: number }[] | undefined): unknown {
  const replyCode = replyCodeOf(error);
  if (replyCode === undefined) return error;
  const failedOperation = results?.findIndex((result) => result.err !== undefined && result.err !== 0) ?? -1;
  return new ReplyError(replyCode, { cause: error, ...(failedOperation < 0 ? {} : { failedOperation }) });
}

export async function putRecord(
  context: RecordsContext,
  path: string,
  data: Uint8Array,
  expected: StoreVersion,
  options: StoreCallOptions,
): Promise<StoreVersion> {
  const node = context.paths.absolute(path);
  const bytes = payload(context, data);
  const subject: CallSubject = { repeatable: false, what: `put ${path}` };
  if (!context.workarounds.plainVersionedWrites) {
    return context.link.call(
      subject,
      (client, done) =>
        client
          .transaction()
          .setData(node, bytes, expected.number)
          .commit((error, results) => {
            if (error) done(transactionError(error, results));
            else done(null, versionOf(results[0].stat));
          }),
      options,
    );
  }
  // Not in a transaction: there version 0 would be sent as -1, "any version".
  return context.link.call(
    subject,
    (client, done) =>
      client.setData(node, bytes, expected.number, (error, stat) => done(error, error ? undefined : versionOf(stat))),
    options,
  );
}

/** A deletion checks the number only, so the identity is compared first; the number still holds whatever happens in between. */
export async function deleteRecord(
  { link, paths }: RecordsContext,
  path: string,
  expected: StoreVersion,
  options: StoreCallOptions,
): Promise<void> {
  const node = paths.absolute(path);
  const remaining = countdown(options);
  const stat = await link.call({ repeatable: true, what: `delete ${path}` }, statOf(node), remaining());
  // No node in a read proves nothing: the server that answered may be behind. The deletion itself will tell.
  if (stat !== null && versionOf(stat).created !== expected.created) {
    throw new HoldfastError("VERSION_CONFLICT", `delete ${path}: the record was deleted and created again.`, {
      hint: "Read it and decide again.",
    });
  }
  try {
    await link.call<void>(
      { repeatable: false, what: `delete ${path}` },
      (client, done) => client.remove(node, expected.number, (error) => done(error)),
      remaining(),
    );
  } catch (error) {
    if (!hasCode(error, "RECORD_MISSING")) throw error;
  }
}

export async function listRecords(
  { link, paths }: RecordsContext,
  path: string,
  options: StoreCallOptions,
): Promise<readonly string[]> {
  try {
    return await link.call({ repeatable: true, what: `list ${path}` }, childrenOf(paths.absolute(path)), options);
  } catch (error) {
    if (hasCode(error, "RECORD_MISSING")) return [];
    throw error;
  }
}

/** Does something that needs the nodes above a path, and makes those first where they are missing. */
export async function withParents<T>(
  context: RecordsContext,
  path: string,
  options: StoreCallOptions,
  action: (bound: StoreCallOptions) => Promise<T>,
): Promise<T> {
  const remaining = countdown(options);
  try {
    return await action(remaining());
  } catch (error) {
    if (!hasCode(error, "RECORD_MISSING")) throw error;
    await createParents(context, path, remaining());
    return action(remaining());
  }
}

/** Sent together; ZooKeeper carries out the requests of one session in their order. */
async function createParents({ link, paths, acl }: RecordsContext, path: string, options: StoreCallOptions) {
  await Promise.all(
    paths.parents(path).map(async (node) => {
      try {
        await link.call(
          { repeatable: true, what: `create ${node}` },
          createPlain(node, NO_DATA, acl(), CreateMode.PERSISTENT),
          options,
        );
      } catch (error) {
        if (!hasCode(error, "RECORD_EXISTS")) throw error;
      }
    }),
  );
}

/** Answers with the node's name, which a sequential one learns only then. */
export function createPlain(node: string, data: Buffer, acl: ACL[], mode: number): Request<string> {
  return (client: Client, done) => client.create(node, data, acl, mode, (error, created) => done(error, created));
}

/** Null when there is no such node in the state that the answering server knows. */
export function statOf(node: string): Request<Stat | null> {
  return (client, done) => client.exists(node, (error, stat: Stat | null) => done(error, stat));
}

export function childrenOf(node: string): Request<string[]> {
  return (client, done) => client.getChildren(node, (error, children) => done(error, children));
}

export function versionOf(stat: Stat): StoreVersion {
  return { created: stat.czxid.toString("hex"), number: stat.version };
}

/** What is left of a call's time, for its next step. */
export function countdown({ timeoutMs, signal }: StoreCallOptions): () => StoreCallOptions {
  const untilMs = monotonicMs() + timeoutMs;
  return () => ({ timeoutMs: Math.max(0, untilMs - monotonicMs()), signal });
}

/** The client silently stores nothing when it is given a Uint8Array that is not a Buffer. */
function payload({ workarounds }: RecordsContext, data: Uint8Array): Buffer {
  if (data.byteLength > RECORD_BYTES_MAX) {
    throw new HoldfastError("RECORD_TOO_LARGE", `A record of ${data.byteLength} bytes is too large.`, {
      hint: `Records have at most ${RECORD_BYTES_MAX} bytes.`,
    });
  }
  return workarounds.alwaysBuffers ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : (data as Buffer);
}
