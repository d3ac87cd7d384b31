import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import type { ControlRequest, ControlResponse } from "./protocol.js";

/**
 * `node server-main.js SOCKET [PROGRAM…]`: the server's machine. What the program starts here stays here, in this
 * network and outside of every agent's tree, as on a machine of its own.
 */
const [socketPath = "", ...first] = process.argv.slice(2);

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  createInterface({ input: socket }).once("line", (line) => {
    const { args, input } = JSON.parse(line) as ControlRequest;
    const answer: { exitCode: number; stdout: string; stderr: string } = { exitCode: 70, stdout: "", stderr: "" };
    const [program = "", ...rest] = [...first, ...args];
    const child = spawn(program, rest, { stdio: "pipe" });
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        answer[name] += text;
      });
    }
    child.stdin.on("error", () => undefined); // it did not want all of it; its exit status counts
    child.stdin.end(input);
    child.on("error", (error) => {
      answer.stderr += error.message;
    });
    child.on("close", (code) => {
      answer.exitCode = code ?? answer.exitCode;
      socket.end(JSON.stringify(answer satisfies ControlResponse));
    });
  });
});
server.listen(socketPath);
