import type {
  AgentId,
  CheckResult,
  ErrorCode,
  FormerHolder,
  Grant,
  MountEntry,
  ObservedVolume,
  Op,
  StorageCapabilities,
  StorageExplanation,
  StorageFinding,
  StorageProof,
  Volume,
} from "@holdfast/core";

/** A volume whose options were parsed by the driver's own schema. */
export interface DriverVolume<Options> extends Volume {
  readonly options: Options;
}

/** Where one client shall be mounted. The lock probe mounts a second one beside the first. */
export interface ClientPlace {
  readonly mountPath: string;
  /** Local directory for pid files and sockets of this client. */
  readonly workDirectory: string;
  /** Unique per client, usable in file names. */
  readonly name: string;
}

/**
 * How a client is brought up. `daemon`: a FUSE client kept in the foreground, so that the storage tree owns it.
 * `command`: mount(8), which returns when the kernel has it.
 */
export interface ClientCommand {
  readonly kind: "daemon" | "command";
  readonly program: string;
  readonly args: readonly string[];
  /** For clients that take one server only: arguments to try in turn when the servers named before do not answer. */
  readonly alternatives?: readonly (readonly string[])[];
}

/**
 * Where a dead client's unsent data would go: its orphaned sockets. An empty list of addresses means any address, which is only
 * right where the ports are the file system's own.
 */
export interface PeerFilter {
  /** Host names or addresses; names are resolved with a bound, and any address counts when that fails. */
  readonly addresses: readonly string[];
  /** Inclusive. */
  readonly ports: readonly (readonly [number, number])[];
}

/** What the servers say; core fills in `recorded`. */
export type ServerView = Omit<ObservedVolume, "recorded">;

/**
 * What differs between distributed file systems. The strategy does the rest: it starts and awaits the client, proves locking with
 * a second one, cuts what is left of a dead one, and refuses what the server's view forbids. Drivers keep nothing in memory; all effects
 * go through `op`, each with a bound.
 */
export interface FileSystemDriver<Options extends { readonly type: string }> {
  readonly type: Options["type"];

  // Pure.
  capabilities(options: Options): StorageCapabilities;
  explain(volume: DriverVolume<Options>): StorageExplanation;
  /** From the package's table of proofs; see `provenOf`. */
  proof(options: Options): StorageProof | null;
  /** Is this line of mountinfo a mount of this volume? The mount point was compared already. */
  isMountOf(options: Options, mount: MountEntry): boolean;
  client(volume: DriverVolume<Options>, place: ClientPlace): ClientCommand;
  /** What a client's last words mean when it ended instead of mounting; undefined: nothing in particular. */
  explainEnd?(output: string): { readonly code: ErrorCode; readonly hint: string } | undefined;
  /** What such a client makes of its command line, where it does. */
  processTitle?(volume: DriverVolume<Options>): string;
  /** Is this command line a client that serves exactly this mount path of this volume? */
  isClient(volume: DriverVolume<Options>, argv: readonly string[]): boolean;
  peers(options: Options): readonly PeerFilter[];

  // Controller side. Without a control target: what can be said from the options alone.
  observe(op: Op, volume: DriverVolume<Options>): Promise<ServerView>;
  /**
   * Records at the server who has it. Called when `observe` showed neither another holder nor a refusal of this agent.
   * @throws `HELD_BY_OTHER`, `STALE_EPOCH` where the server remembers epochs.
   */
  attach(op: Op, volume: DriverVolume<Options>, agent: AgentId, grant: Grant): Promise<void>;
  detach(op: Op, volume: DriverVolume<Options>, agent: AgentId): Promise<void>;
  /** Resolves to the evidence: what the server answered afterwards. @throws `UNFENCEABLE`, `STALE_EPOCH`. */
  fence(op: Op, volume: DriverVolume<Options>, former: FormerHolder, grant: Grant): Promise<string>;
  unfence(op: Op, volume: DriverVolume<Options>, agent: AgentId): Promise<void>;
  inspect(op: Op, volume: DriverVolume<Options>): Promise<readonly StorageFinding[]>;

  // Node side.
  /** Before the mount: is a server there? Bounded; a server that does not answer is `BUSY`. */
  prepare(op: Op, volume: DriverVolume<Options>): Promise<void>;
  /** Split-brain, lost quorum, read-only servers. Without the means to ask: clean, and a finding that says so. */
  check(op: Op, volume: DriverVolume<Options>): Promise<CheckResult>;
}
