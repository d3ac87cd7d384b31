import { hasCode, type StoreCallOptions, type StoreFinding, storePaths } from "@holdfast/core";
import { type AclEntry, isWorldReadable, isWorldWritable } from "./acl.js";
import { countdown, listRecords, type RecordsContext } from "./records.js";

export interface FindingsContext extends RecordsContext {
  readonly serverCount: number;
  readonly worldReadable: boolean;
  readonly authenticated: boolean;
}

/** Services that are looked at, each with its records. More would make a status command slow and say nothing new. */
const SERVICES_MAX = 100;

/** What an operator should know about permissions and about the ensemble. */
export async function findFindings(context: FindingsContext, options: StoreCallOptions): Promise<StoreFinding[]> {
  const remaining = countdown(options);
  const findings: StoreFinding[] = [];
  if (context.serverCount === 1) findings.push(await singleServer(context, remaining()));
  for (const path of await recordPaths(context, remaining)) {
    const entries = await aclOf(context, path, remaining());
    if (entries === undefined) continue;
    if (isWorldWritable(entries)) findings.push(worldWritable(context, path));
    else if (isWorldReadable(entries) && !context.worldReadable) findings.push(worldReadable(path));
  }
  return findings;
}

async function recordPaths(context: RecordsContext, remaining: () => StoreCallOptions): Promise<string[]> {
  const services = await listRecords(context, storePaths.services(), remaining());
  const perService = services
    .slice(0, SERVICES_MAX)
    .flatMap((service) => [storePaths.lease(service), storePaths.history(service), storePaths.request(service)]);
  return [storePaths.services(), ...perService];
}

/** Undefined when there is no such record, or when even its permissions may not be read. */
async function aclOf(
  { link, paths }: RecordsContext,
  path: string,
  options: StoreCallOptions,
): Promise<readonly AclEntry[] | undefined> {
  try {
    return await link.call<readonly AclEntry[]>(
      { repeatable: true, what: `read the ACL of ${path}` },
      (client, done) =>
        client.getACL(paths.absolute(path), (error, acls) => done(error, acls as unknown as AclEntry[])),
      options,
    );
  } catch (error) {
    if (hasCode(error, "RECORD_MISSING", "DENIED")) return undefined;
    throw error;
  }
}

/** ZooKeeper 3.5 and later publish the ensemble's members; a single server publishes nothing. */
async function singleServer({ link }: RecordsContext, options: StoreCallOptions): Promise<StoreFinding> {
  let members = 1;
  try {
    const config = await link.call<string>(
      { repeatable: true, what: "read the ensemble's members" },
      (client, done) => client.getData("/zookeeper/config", (error, data) => done(error, data?.toString() ?? "")),
      options,
    );
    members = Math.max(1, config.split("\n").filter((line) => line.startsWith("server.")).length);
  } catch (error) {
    if (!hasCode(error, "RECORD_MISSING", "DENIED")) throw error;
  }
  return members > 1
    ? {
        code: "SINGLE_SERVER",
        path: "",
        message: `The store URL names one server of an ensemble of ${members}; when that one is away, the others are not tried.`,
        fix: "Name all servers in the store URL.",
      }
    : {
        code: "SINGLE_SERVER",
        path: "",
        message:
          "The store is a single ZooKeeper server: while it is away, nothing can start and running services stop at their deadline.",
        fix: "Run an ensemble of three or five servers.",
      };
}

function worldWritable({ authenticated }: FindingsContext, path: string): StoreFinding {
  return {
    code: "WORLD_WRITABLE",
    path,
    message: `Everybody who can reach ZooKeeper can change or delete ${path}, and so start a second instance of a service.`,
    fix: authenticated
      ? "It was made without authentication: set its ACL with setAcl in zkCli.sh (setAcl -R covers what is below)."
      : "Give a user and a password with --store-auth-file, and set the ACL of what exists with setAcl -R in zkCli.sh.",
  };
}

function worldReadable(path: string): StoreFinding {
  return {
    code: "WORLD_READABLE",
    path,
    message: `Everybody who can reach ZooKeeper can read ${path}.`,
    fix: "Set its ACL with setAcl in zkCli.sh.",
  };
}
