import { connect } from "node:net";
import { createFrameReader, encodeFrame, type GuestExit, type GuestRequest } from "./frames.js";

export interface GuestRunOptions extends GuestRequest {
  readonly stdout: (chunk: Buffer) => void;
  readonly stderr: (chunk: Buffer) => void;
}

export interface GuestRun {
  readonly exit: Promise<GuestExit>;
  write(chunk: Uint8Array): void;
  endInput(): void;
  signal(signal: NodeJS.Signals): void;
  /** Ends the connection; the guest's agent then kills the command. */
  abandon(): void;
}

/** A command in the guest whose agent listens behind that port of this machine. `exit` rejects when the guest is gone. */
export function runInGuest(port: number, { argv, env, cwd, stdout, stderr }: GuestRunOptions): GuestRun {
  const socket = connect({ host: "127.0.0.1", port });
  const read = createFrameReader();
  socket.write(encodeFrame("request", JSON.stringify({ argv, env, cwd } satisfies GuestRequest)));
  const exit = new Promise<GuestExit>((resolve, reject) => {
    socket.on("data", (chunk) => {
      for (const { kind, payload } of read(chunk)) {
        if (kind === "stdout") stdout(payload);
        if (kind === "stderr") stderr(payload);
        if (kind === "exit") resolve(JSON.parse(payload.toString()) as GuestExit);
      }
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`the guest behind port ${port} broke off while ${argv[0]} ran`)));
  });
  exit.catch(() => undefined); // for who abandons it
  return {
    exit,
    write: (chunk) => void socket.write(encodeFrame("stdin", chunk)),
    endInput: () => void socket.write(encodeFrame("stdin-end")),
    signal: (signal) => void socket.write(encodeFrame("signal", signal)),
    abandon: () => void socket.destroy(),
  };
}
