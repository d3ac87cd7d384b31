import { Socket } from "node:net";
import { createLineReader, encodeLine, type GuardToLock, type LockToGuard } from "@holdfast/supervisor";

/** Descriptor of the socket pair to the guard, as the guard arranged it. */
const GUARD_DESCRIPTOR = 3;

export interface GuardChannel {
  send(message: LockToGuard): void;
  /** Resolves when everything sent so far was handed to the kernel, or the guard is gone. */
  flush(): Promise<void>;
}

/** The lock process's end of the channel; `onGone` is called once, when the guard closed its end or died. */
export function openGuardChannel(onMessage: (message: GuardToLock) => void, onGone: () => void): GuardChannel {
  const socket = new Socket({ fd: GUARD_DESCRIPTOR, readable: true, writable: true });
  let gone = false;
  const end = () => {
    if (gone) return;
    gone = true;
    onGone();
  };
  socket.on("data", createLineReader<GuardToLock>(onMessage));
  socket.on("end", end);
  socket.on("close", end);
  // A dead guard shows as EPIPE or ECONNRESET on a write; what follows from it is the same as from the end.
  socket.on("error", end);
  return {
    send(message) {
      if (!gone) socket.write(encodeLine(message));
    },
    flush: () =>
      new Promise((resolve) => {
        if (gone || !socket.writable) resolve();
        else socket.write("", () => resolve());
      }),
  };
}
