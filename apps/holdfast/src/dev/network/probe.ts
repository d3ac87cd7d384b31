import { connect } from "node:net";

/** Nothing listens there, so a reachable host answers at once with a refusal. */
const CLOSED_PORT = 1;
const ANSWER_MS = 300;

/** Whether a host answers at all, told from outside by one TCP packet; a refusal is an answer. */
export function hostAnswers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: CLOSED_PORT });
    const done = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(ANSWER_MS, () => done(false));
    socket.on("connect", () => done(true));
    socket.on("error", (error: NodeJS.ErrnoException) => done(error.code === "ECONNREFUSED"));
  });
}
