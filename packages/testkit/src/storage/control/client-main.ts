import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { type ControlRequest, type ControlResponse, NO_SERVER_EXIT_CODE } from "./protocol.js";

/** `node client-main.js SOCKET ARGS…`: runs the server's program on the server, and ends as it does. */
const [socketPath = "", ...args] = process.argv.slice(2);
const input = await text(process.stdin);
const socket = connect(socketPath);
let answer = "";
socket.setEncoding("utf8");
socket.on("connect", () => socket.write(`${JSON.stringify({ args, input } satisfies ControlRequest)}\n`));
socket.on("data", (chunk: string) => {
  answer += chunk;
});
socket.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = NO_SERVER_EXIT_CODE;
});
socket.on("close", () => {
  if (answer === "") {
    process.exitCode = NO_SERVER_EXIT_CODE;
    return;
  }
  const { exitCode, stdout, stderr } = JSON.parse(answer) as ControlResponse;
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = exitCode;
});
