import { randomUUID } from "node:crypto";
import { HoldfastError, hasCode, type StoreCallOptions } from "@holdfast/core";
import zookeeper from "node-zookeeper-client";
import { countdown, createWithStat, type RecordsContext, transactionError } from "./records.js";
import { ReplyCode, ReplyError } from "./reply-codes.js";
import type { Request } from "./session.js";

const { CreateMode } = zookeeper;
const NO_DATA = Buffer.alloc(0);
const TOP = "services";

/** What each operation of the probe shows when it is the one that is refused. */
const REFUSED = [
  "nodes may not be made there",
  "what this user makes, this user may not change: the server computes another identity from the password",
  "nodes may not be deleted there",
] as const;

/**
 * Checks that the chroot exists and that this client may write below it, by writing: a wrong password causes no event,
 * and permissions cannot be asked for. One transaction that leaves nothing behind; it also proves a quorum.
 * @throws `STORE_UNSUITABLE`, `DENIED`, and what every write throws.
 */
export async function probeRoot(
  context: RecordsContext,
  createRoot: boolean,
  options: StoreCallOptions,
): Promise<void> {
  const { root } = context.paths;
  const remaining = countdown(options);
  // Where the records are, if anything was ever written; they may have other permissions than the root.
  if (await probe(context, context.paths.absolute(TOP), remaining())) return;
  if (await probe(context, root, remaining())) return;
  if (!createRoot) {
    throw new HoldfastError("STORE_UNSUITABLE", `The path ${root} does not exist in ZooKeeper.`, {
      hint: `Check the path in the store URL. If it is right, create it: zkCli.sh create ${root}`,
      detail: { path: root },
    });
  }
  await createPath(context, root, remaining);
  await probe(context, root, remaining());
}

/** False when the node does not exist. */
async function probe({ link, acl }: RecordsContext, parent: string, options: StoreCallOptions): Promise<boolean> {
  const node = `${parent === "/" ? "" : parent}/probe-${randomUUID()}`;
  const request: Request<void> = (client, done) =>
    client
      .transaction()
      .create(node, NO_DATA, acl(), CreateMode.EPHEMERAL)
      .setData(node, NO_DATA, -1)
      .remove(node, -1)
      .commit((error, results) => done(error ? transactionError(error, results) : null));
  try {
    await link.call({ repeatable: true, what: `write below ${parent}` }, request, options);
    return true;
  } catch (error) {
    if (hasCode(error, "RECORD_MISSING")) return false;
    throw withReason(error, parent);
  }
}

/** Each segment is made and at once changed, in one transaction: what this client could not use afterwards is not left behind. */
async function createPath(
  { link, acl }: RecordsContext,
  path: string,
  remaining: () => StoreCallOptions,
): Promise<void> {
  const segments = path.slice(1).split("/");
  for (const index of segments.keys()) {
    const node = `/${segments.slice(0, index + 1).join("/")}`;
    try {
      const request = createWithStat(node, NO_DATA, acl(), CreateMode.PERSISTENT);
      await link.call({ repeatable: true, what: `create ${node}` }, request, remaining());
    } catch (error) {
      if (!hasCode(error, "RECORD_EXISTS")) throw withReason(error, node.slice(0, node.lastIndexOf("/")) || "/");
    }
  }
}

function withReason(error: unknown, parent: string): unknown {
  const { cause } = error instanceof HoldfastError ? error : {};
  const operation =
    cause instanceof ReplyError && cause.replyCode === ReplyCode.NO_AUTH ? cause.failedOperation : undefined;
  const why = operation === undefined ? undefined : REFUSED[operation];
  if (why === undefined) return error;
  return new HoldfastError("DENIED", `ZooKeeper refuses to write below ${parent}: ${why}.`, {
    hint: `Compare the user and password in the authentication file with the ACL of ${parent} (getAcl in zkCli.sh).`,
    detail: { path: parent },
    cause: error,
  });
}
