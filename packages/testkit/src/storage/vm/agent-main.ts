import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createFrameReader, encodeFrame, type GuestExit, type GuestRequest } from "./frames.js";

/*
 * Runs in a guest: one command per connection, with its input and output. When the connection ends before the command
 * does, the command and what it started in its process group are killed.
 */

const [address = "0.0.0.0", port = "7000"] = process.argv.slice(2);

createServer({ allowHalfOpen: false }, serve).listen(Number(port), address, () => process.stdout.write("listening\n"));

function serve(socket: Socket): void {
  const read = createFrameReader();
  let child: ChildProcess | undefined;
  let over = false;
  const end = (exit: GuestExit) => {
    if (over) return;
    over = true;
    socket.end(encodeFrame("exit", JSON.stringify(exit)));
  };
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (!over && child?.pid !== undefined) killGroup(child.pid, "SIGKILL");
    over = true;
  });
  socket.on("data", (chunk) => {
    for (const { kind, payload } of read(chunk)) {
      if (kind === "request") child = start(JSON.parse(payload.toString()) as GuestRequest, socket, end);
      if (kind === "stdin" && child?.stdin?.write(Buffer.from(payload)) === false) {
        socket.pause();
        child.stdin.once("drain", () => socket.resume());
      }
      if (kind === "stdin-end") child?.stdin?.end();
      if (kind === "signal" && child?.pid !== undefined) killGroup(child.pid, payload.toString() as NodeJS.Signals);
    }
  });
}

function start(request: GuestRequest, socket: Socket, end: (exit: GuestExit) => void): ChildProcess {
  const [file = "", ...args] = request.argv;
  const child = spawn(file, args, {
    // A bash whose input is a socket takes itself for one started by rshd and reads ~/.bashrc, unless it is a nested one.
    env: { SHLVL: "1", ...request.env },
    cwd: existsSync(request.cwd) ? request.cwd : "/",
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A command that closes its input early says in its exit status whether it minded.
  child.stdin.on("error", () => undefined);
  for (const [kind, stream] of [
    ["stdout", child.stdout],
    ["stderr", child.stderr],
  ] as const) {
    stream.on("data", (chunk: Buffer) => {
      if (!socket.destroyed && !socket.write(encodeFrame(kind, chunk))) {
        stream.pause();
        socket.once("drain", () => stream.resume());
      }
    });
  }
  child.on("error", (error) => end({ code: 127, signal: null, error: error.message }));
  // `close` and not `exit`: what it wrote last must go first. But what it leaves behind may keep its output open.
  child.on("exit", (code, signal) => setTimeout(end, 2_000, { code, signal }));
  child.on("close", (code, signal) => end({ code, signal }));
  return child;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
