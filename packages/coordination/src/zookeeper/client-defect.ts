/** What the client throws from inside its socket handler (lib/Exception.js, WatcherManager.js, ConnectionManager.js, jute). */
const THROWN_BY_CLIENT = [
  /^Unknown (code|event type|state|type|request OP_CODE): /,
  /^buffer does not have enough space\.$/,
  /^(offset: \d+ is|The value of "offset" is) out of/,
];
/** Frames keep the class they were assigned to, also in a bundle. */
const FRAME_OF_CLIENT = /\b(ConnectionManager|WatcherManager|PacketQueue)\.|node-zookeeper-client/;

/**
 * Whether an uncaught exception came out of the ZooKeeper client rather than from our own code. The store catches
 * those it knows how to provoke; whoever catches another one must treat the store as lost contact: log it, and go on
 * as after a cut, never as if nothing had happened.
 */
export function isClientDefect(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return THROWN_BY_CLIENT.some((pattern) => pattern.test(error.message)) || FRAME_OF_CLIENT.test(error.stack ?? "");
}
