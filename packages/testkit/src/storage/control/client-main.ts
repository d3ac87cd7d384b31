import { connect } from "node:net";
import { type ControlResponse, NO_SERVER_EXIT_CODE } from "./protocol.js";

/** `node client-main.js SOCKET ARGS…`: runs the server's program on the server, and ends as it does. */
const [socketPath = "", ...args] = process.argv.slice(2);
const socket = connect(socketPath);
let text = "";
socket.setEncoding("utf8");
socket.on("connect", () => socket.write(`${JSON.stringify({ args })}\n`));
socket.on("data", (chunk: string) => {
  text += chunk;
});
socket.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = NO_SERVER_EXIT_CODE;
});
socket.on("close", () => {
  if (text === "") {
    process.exitCode = NO_SERVER_EXIT_CODE;
    return;
  }
  const { exitCode, stdout, stderr } = JSON.parse(text) as ControlResponse;
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = exitCode;
});
