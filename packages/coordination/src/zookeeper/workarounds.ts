/**
 * What this package does about the defects of node-zookeeper-client 1.1.3. All of it is on, always; a test switches
 * one off at a time to show that the defect is still there and that the work-round is what removes it. Each entry is
 * described with its evidence in docs/reference/zookeeper-client-defects.md.
 */
export interface Workarounds {
  /** The client never notices that a server says nothing. Leave a server that owes an answer for too long. */
  readonly readDeadline: boolean;
  /** The client waits without limit for the handshake of a server that has accepted the connection. */
  readonly handshakeDeadline: boolean;
  /** A connect timer outlives the socket it was made for and later destroys a healthy one. */
  readonly clearsConnectTimer: boolean;
  /** Half a reply of the former connection is taken for the beginning of the next one's handshake. */
  readonly dropsStaleBytes: boolean;
  /** Each handshake that a server accepts and does not answer leaves an authentication request in the queue. */
  readonly dropsStaleRequests: boolean;
  /** Calls queued while disconnected are never called back if the session then ends. */
  readonly settlesEveryCall: boolean;
  /** Error codes that the client does not know throw inside its socket handler. */
  readonly survivesUnknownCodes: boolean;
  /** An exception in a watcher escapes into the socket handler and stalls the replies behind it. */
  readonly guardsListeners: boolean;
  /** A sequential node whose reply was lost is an orphan that nobody knows to be his. */
  readonly adoptsOwnQueueEntry: boolean;
  /** In a transaction version 0 is sent as "any version". */
  readonly plainVersionedWrites: boolean;
  /** Calls queued while disconnected are sent before the authentication: they are refused. */
  readonly holdsCallsUntilConnected: boolean;
  /** The first call on a new connection may be refused before its authentication was seen. */
  readonly retriesRefusedOnce: boolean;
  /** A wrong password causes no event. Only a write shows whether this client may write. */
  readonly probesByWriting: boolean;
  /** The first request has number 0; servers before 3.6 then think that one request is always outstanding. */
  readonly startsAtRequestOne: boolean;
  /** The client keeps white space in host names. */
  readonly ownServerList: boolean;
  /** The client stores nothing at all when it is given a Uint8Array that is no Buffer. */
  readonly alwaysBuffers: boolean;
  /** A client whose session expired is dead and stays dead. */
  readonly replacesDeadClients: boolean;
  /** A server that lost its data refuses a client that has seen more, for ever and without any event. */
  readonly freshClientAfterSilence: boolean;
  /** `close()` throws before the first connection, and never ends on a hung one. */
  readonly boundedClose: boolean;
}

export const WORKAROUNDS: Workarounds = Object.freeze({
  readDeadline: true,
  handshakeDeadline: true,
  clearsConnectTimer: true,
  dropsStaleBytes: true,
  dropsStaleRequests: true,
  settlesEveryCall: true,
  survivesUnknownCodes: true,
  guardsListeners: true,
  adoptsOwnQueueEntry: true,
  plainVersionedWrites: true,
  holdsCallsUntilConnected: true,
  retriesRefusedOnce: true,
  probesByWriting: true,
  startsAtRequestOne: true,
  ownServerList: true,
  alwaysBuffers: true,
  replacesDeadClients: true,
  freshClientAfterSilence: true,
  boundedClose: true,
});
