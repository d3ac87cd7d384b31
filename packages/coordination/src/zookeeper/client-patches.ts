import { type ConnectionManager, ConnectionState, type PendingPacket } from "./client-internals.js";
import { ReplyCode } from "./reply-codes.js";
import type { Workarounds } from "./workarounds.js";

export interface PatchEvents {
  /** The client made a socket for that server; it is not connected yet. */
  readonly socketMade: (socket: NonNullable<ConnectionManager["socket"]>) => void;
  /** The client threw on a message from the server. */
  readonly defect: (error: unknown) => void;
}

const UNKNOWN_CODE = /^Unknown code: (-?\d+)$/;

/** Changes one client object where its behaviour can only be changed from inside. */
export function patchClient(manager: ConnectionManager, workarounds: Workarounds, events: PatchEvents): void {
  if (workarounds.startsAtRequestOne) manager.xid = 1;
  manager.on("state", (state) => {
    if (state !== ConnectionState.DISCONNECTED) return;
    if (workarounds.dropsStaleBytes) manager.pendingBuffer = null;
    // Our own requests are never in it then: they are held back until there is a connection.
    if (workarounds.dropsStaleRequests) manager.packetQueue.queue.length = 0;
  });
  observeSockets(manager, events);
  if (workarounds.survivesUnknownCodes) catchInSocketHandler(manager, events);
}

/** The client tells nobody when it makes a socket; the assignment is the only moment to see it. */
function observeSockets(manager: ConnectionManager, events: PatchEvents): void {
  let current = manager.socket;
  Object.defineProperty(manager, "socket", {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(socket: ConnectionManager["socket"]) {
      current = socket;
      if (socket !== undefined) events.socketMade(socket);
    },
  });
}

/**
 * Error codes that the client does not know make it throw after it has taken the request from its queue and before it
 * has called back. Here the request gets its code, and the messages behind it are read on. Anything else that it throws
 * means that the bytes were not understood: that connection is of no further use.
 */
function catchInSocketHandler(manager: ConnectionManager, events: PatchEvents): void {
  const read = manager.onSocketData;
  /** The request that the message being read answers. */
  const answered: PendingPacket[] = [];
  const shift = manager.pendingQueue.shift;
  manager.pendingQueue.shift = function (this: PendingPacket[]) {
    const packet = shift.call(this);
    if (packet !== undefined) answered[0] = packet;
    return packet;
  };
  manager.onSocketData = (chunk) => {
    answered.length = 0;
    try {
      read.call(manager, chunk);
    } catch (error) {
      const packet = answered[0];
      const code = error instanceof Error ? UNKNOWN_CODE.exec(error.message)?.[1] : undefined;
      if (code === undefined) {
        events.defect(error);
        packet?.callback?.(clientError(ReplyCode.CONNECTION_LOSS));
        manager.socket?.destroy();
        return;
      }
      packet?.callback?.(clientError(Number(code)));
      if (manager.pendingBuffer !== null) manager.onSocketData(Buffer.alloc(0));
    }
  };
}

/** What the client's own callbacks expect of an error: it asks `getCode()` of it. */
function clientError(code: number): { readonly code: number; getCode(): number } {
  return { code, getCode: () => code };
}
