import { type CoordinationStore, HoldfastError, type StoreCallOptions } from "@holdfast/core";
import type { ACL } from "node-zookeeper-client";
import { recordAcl } from "./acl.js";
import { readDigestCredential } from "./credentials.js";
import { findFindings } from "./findings.js";
import { Link } from "./link.js";
import { nodePaths } from "./node-paths.js";
import { probeRoot } from "./open.js";
import { DEFAULT_SESSION_TIMEOUT_MS, type ZooKeeperStoreOptions } from "./options.js";
import { enqueueCandidate, listCandidates, type QueueContext } from "./queue.js";
import {
  countdown,
  createRecord,
  deleteRecord,
  getRecord,
  listRecords,
  putRecord,
  RECORD_BYTES_MAX,
} from "./records.js";
import { tlsTransport } from "./tls-transport.js";
import { labelOf, plainTransport } from "./transport.js";
import { watchNode } from "./watch.js";
import { WORKAROUNDS, type Workarounds } from "./workarounds.js";

/** Everything an open store works with. */
interface Opened {
  readonly context: QueueContext;
  readonly authenticated: boolean;
}

/**
 * `CoordinationStore` on a ZooKeeper ensemble. Nothing is contacted before `open`.
 * @throws `BAD_CONFIGURATION` for options that contradict each other.
 */
export function createZooKeeperStore(options: ZooKeeperStoreOptions): CoordinationStore {
  return createZooKeeperStoreWith(options, { workarounds: WORKAROUNDS });
}

/** For tests only; not exported from the package. */
export interface StoreInternals {
  readonly workarounds: Workarounds;
  /** Tries the servers in the order given. */
  readonly inOrder?: boolean;
  /** What the client parses by itself when `ownServerList` is off. */
  readonly connectionString?: string;
}

export function createZooKeeperStoreWith(options: ZooKeeperStoreOptions, internals: StoreInternals): CoordinationStore {
  const { workarounds } = internals;
  const { servers, silenceMs, worldReadable = true } = options;
  const secure = checkOptions(options);
  const chroot = options.chroot ?? "/";
  const paths = nodePaths(chroot);
  const labels = servers.map(labelOf).join(",");
  const description = `zookeeper${secure ? "+tls" : ""}://${labels}${chroot === "/" ? "" : chroot}`;
  // Long enough for a silent server to be left and the next one to answer.
  const armMs = silenceMs * 2;
  let opened: Opened | undefined;
  let closed = false;

  const open = (): Opened => {
    if (opened !== undefined && !closed) return opened;
    throw new HoldfastError("STORE_CLOSED", `The store ${description} is ${closed ? "closed" : "not open"}.`, {
      hint: closed ? "Its owner closed it." : "Call open() first.",
    });
  };
  const context = () => open().context;

  return {
    description,
    recordBytesMax: RECORD_BYTES_MAX,

    async open(callOptions) {
      if (closed || opened !== undefined) throw alreadyOpened(description, closed);
      const remaining = countdown(callOptions);
      const auth = typeof options.authFile === "string" ? await readDigestCredential(options.authFile) : null;
      const link = new Link({
        transport: secure ? tlsTransport(servers, options.tls ?? SYSTEM_TRUST) : plainTransport(servers),
        connectionString: internals.connectionString ?? labels,
        sessionTimeoutMs: options.sessionTimeoutMs ?? DEFAULT_SESSION_TIMEOUT_MS,
        silenceMs,
        auth,
        workarounds,
        inOrder: internals.inOrder ?? false,
        logger: options.logger,
      });
      const acl: ACL[] = recordAcl(auth, worldReadable);
      const candidate: QueueContext = { link, paths, acl: () => acl, workarounds, armMs };
      opened = { context: candidate, authenticated: auth !== null };
      try {
        await link.open(remaining());
        if (workarounds.probesByWriting) await probeRoot(candidate, options.createChroot === true, remaining());
      } catch (error) {
        opened = undefined;
        await link.close();
        // Closed meanwhile: whatever failed first, that is why.
        throw closed ? alreadyOpened(description, true) : error;
      }
    },

    get: async (path, callOptions) => getRecord(context(), path, callOptions),
    create: async (path, data, callOptions) => createRecord(context(), path, data, callOptions),
    put: async (path, data, expected, callOptions) => putRecord(context(), path, data, expected, callOptions),
    delete: async (path, expected, callOptions) => deleteRecord(context(), path, expected, callOptions),
    list: async (path, callOptions) => listRecords(context(), path, callOptions),
    enqueue: async (path, candidate, callOptions) => enqueueCandidate(context(), path, candidate, callOptions),
    candidates: async (path, callOptions) => listCandidates(context(), path, callOptions),

    watch(path, listener, signal) {
      watchNode(context(), paths.absolute(path), listener, signal);
    },

    health() {
      const link = opened?.context.link;
      return {
        state: closed ? "closed" : (link?.state ?? "connecting"),
        endpoint: link?.label || labels,
        silentMs: link?.silentMs ?? null,
      };
    },

    changeServer(reason) {
      // Not an error on a closed store: it only ever asks for something better than what there is.
      if (!closed) opened?.context.link.changeServer(reason);
    },

    async findings(callOptions: StoreCallOptions) {
      const { context: present, authenticated } = open();
      return findFindings({ ...present, serverCount: servers.length, worldReadable, authenticated }, callOptions);
    },

    async close() {
      if (closed) return;
      closed = true;
      await opened?.context.link.close();
    },
  } satisfies CoordinationStore;
}

const SYSTEM_TRUST = { caFile: null, certFile: null, keyFile: null, serverName: null };

/** Whether to use TLS. */
function checkOptions({ servers, secure, tls, silenceMs, chroot = "/" }: ZooKeeperStoreOptions): boolean {
  if (servers.length === 0) throw badOptions("no server is named", "Name at least one server.");
  if (!(silenceMs >= 1)) throw badOptions("silenceMs must be at least 1", "Milliseconds; a second or more is usual.");
  if (chroot !== "/" && !/^(\/[^/]+)+$/.test(chroot)) {
    throw badOptions(`the chroot ${chroot} is no path`, "It begins with / and does not end with one.");
  }
  const hasTls = tls !== undefined && tls !== null;
  if (secure === false && hasTls) {
    throw badOptions("TLS files are given for a URL without TLS", "Write zookeeper+tls:// in the store URL.");
  }
  return secure ?? hasTls;
}

function badOptions(why: string, hint: string): HoldfastError {
  return new HoldfastError("BAD_CONFIGURATION", `The ZooKeeper store cannot be made: ${why}.`, { hint });
}

function alreadyOpened(description: string, closed: boolean): HoldfastError {
  return new HoldfastError("STORE_CLOSED", `The store ${description} was ${closed ? "closed" : "opened"} before.`, {
    hint: "Make a new one.",
  });
}
