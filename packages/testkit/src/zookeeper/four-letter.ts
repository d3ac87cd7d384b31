import { connect } from "node:net";

export type ZooKeeperMode = "standalone" | "leader" | "follower" | "observer";

const LIMIT_MS = 1_000;

/**
 * Asks a server one of its four-letter words. Empty when it does not answer: a refused connection, a hung server and a
 * server that is not up yet are all "no answer" to somebody who only wants to know its state.
 */
export function fourLetterWord(host: string, port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host, port });
    socket.setTimeout(LIMIT_MS, () => socket.destroy());
    socket.on("connect", () => socket.write(word));
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
  });
}

/** What the server says that it is; undefined while it does not serve. `ruok` would say imok before it serves. */
export async function serverMode(host: string, port: number): Promise<ZooKeeperMode | undefined> {
  const answer = await fourLetterWord(host, port, "srvr");
  const mode = /^Mode: (\w+)/m.exec(answer)?.[1];
  return mode === "standalone" || mode === "leader" || mode === "follower" || mode === "observer" ? mode : undefined;
}
