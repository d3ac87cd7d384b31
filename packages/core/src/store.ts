/**
 * Identity of one version of one record. Two versions are the same only if both parts are equal: a record
 * that was deleted and created again restarts `number` but never repeats `created` (lease rules 3 and 7).
 */
export interface StoreVersion {
  /** Identity of this creation of the record: the czxid in ZooKeeper. */
  readonly created: string;
  readonly number: number;
}

export function sameVersion(a: StoreVersion, b: StoreVersion): boolean {
  return a.created === b.created && a.number === b.number;
}

export interface StoreEntry {
  readonly data: Uint8Array;
  readonly version: StoreVersion;
}

/** Every call is bounded; a store that hangs costs its caller `timeoutMs` and nothing more. */
export interface StoreCallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface StoreCreateOptions extends StoreCallOptions {
  /** Vanishes some time after its creator does. A hint for people and the queue; authorises nothing (rule 8). */
  readonly ephemeral?: boolean;
}

/** A place among candidates. Orders, never forbids. */
export interface QueueTicket {
  /** Number of candidates ahead; 0 = first. */
  place(options: StoreCallOptions): Promise<number>;
  /**
   * Calls back when the candidate just ahead leaves (and only then: a hand-over must not wake everybody).
   * A hint; polling goes on.
   */
  onPredecessorGone(listener: () => void, signal: AbortSignal): void;
  /** Idempotent. */
  leave(options: StoreCallOptions): Promise<void>;
}

export interface QueueCandidate {
  readonly run: string;
  readonly agent: string;
  readonly since: string;
}

export interface StoreHealth {
  readonly state: "connecting" | "connected" | "disconnected" | "closed";
  /** For messages: the server or the directory. */
  readonly endpoint: string;
  /** Milliseconds of monotonic time since the last answer; null = none yet. */
  readonly silentMs: number | null;
}

/**
 * What a lease needs of a store, and no more. Every promise is about *writes*: a read may be stale and proves
 * nothing about the present (a ZooKeeper follower answers reads by itself).
 *
 * Paths are relative, with `/` between segments (`services/orders-db/lease`); parents are made as needed.
 *
 * Errors of every call:
 * - `STORE_UNREACHABLE`: certainly had no effect. Retry until the deadline.
 * - `UNKNOWN_OUTCOME` (writes only): may have taken effect, now or *later*. Re-read; only the exact bytes written prove it.
 * - `DENIED`: ACL or permissions. A real write is the only test of an ACL.
 * - `STORE_CLOSED`.
 */
export interface CoordinationStore {
  /** For messages; never contains a secret. */
  readonly description: string;
  /** Largest payload of one record, bytes. */
  readonly recordBytesMax: number;
  /**
   * Makes the first contact and checks that the root exists and may be written.
   * @throws `STORE_UNREACHABLE`, `DENIED`, `STORE_UNSUITABLE` (wrong chroot, network file system), `BAD_CONFIGURATION`.
   */
  open(options: StoreCallOptions): Promise<void>;
  /** Undefined when there is no such record *in the state that the answering server knows*. */
  get(path: string, options: StoreCallOptions): Promise<StoreEntry | undefined>;
  /** @throws `RECORD_EXISTS`. */
  create(path: string, data: Uint8Array, options: StoreCreateOptions): Promise<StoreVersion>;
  /**
   * Version-checked, linearizable write. The version returned is what the store answered: the caller compares its
   * `created` with what it had seen.
   * @throws `VERSION_CONFLICT`, `RECORD_MISSING`.
   */
  put(path: string, data: Uint8Array, expected: StoreVersion, options: StoreCallOptions): Promise<StoreVersion>;
  /** Resolves when the record is gone. @throws `VERSION_CONFLICT`. */
  delete(path: string, expected: StoreVersion, options: StoreCallOptions): Promise<void>;
  /** Names of the direct children; empty when there are none or no such path. */
  list(path: string, options: StoreCallOptions): Promise<readonly string[]>;
  /** Calls back after a change of the record, at least once, maybe late, maybe for nothing. A hint: poll as well. */
  watch(path: string, listener: () => void, signal: AbortSignal): void;
  enqueue(path: string, candidate: QueueCandidate, options: StoreCallOptions): Promise<QueueTicket>;
  candidates(path: string, options: StoreCallOptions): Promise<readonly QueueCandidate[]>;
  health(): StoreHealth;
  /** Leaves the present server for another one, if there is one: it is silent, or its reads contradict its writes. */
  changeServer(reason: string): void;
  /** What an operator should know about the store itself: world-writable records, a single server. */
  findings(options: StoreCallOptions): Promise<readonly StoreFinding[]>;
  /** Bounded and idempotent; afterwards every call fails with `STORE_CLOSED`. */
  close(): Promise<void>;
}

export interface StoreFinding {
  readonly code: "WORLD_WRITABLE" | "WORLD_READABLE" | "SINGLE_SERVER" | "VOLATILE_FILE_SYSTEM";
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

/** Where a service's records live. */
export const storePaths = {
  lease: (service: string) => `services/${service}/lease`,
  history: (service: string) => `services/${service}/history`,
  request: (service: string) => `services/${service}/request`,
  handover: (service: string) => `services/${service}/handover`,
  storage: (service: string, role: string) => `services/${service}/storage/${encodeURIComponent(role)}`,
  backupMarks: (service: string) => `services/${service}/backup`,
  queue: (service: string) => `services/${service}/queue`,
  holderHint: (service: string) => `services/${service}/holder`,
  quarantines: (service: string) => `services/${service}/quarantine`,
  quarantine: (service: string, agent: string) => `services/${service}/quarantine/${encodeURIComponent(agent)}`,
  services: () => "services",
  /** What an operator wants of it; see `CatalogueRecord`. */
  catalogue: (service: string) => `services/${service}/catalogue`,
  /** What the controller decided and how far it is; see `DecisionsRecord`. */
  decisions: (service: string) => `services/${service}/decisions`,
  pause: (service: string) => `services/${service}/pause`,
  controller: {
    lease: "controller/lease",
    history: "controller/history",
    queue: "controller/queue",
    pause: "controller/pause",
    audit: "controller/audit",
    /** Where the present leader answers; a hint for its followers. */
    leader: "controller/leader",
  },
} as const;
